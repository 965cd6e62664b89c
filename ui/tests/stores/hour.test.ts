import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { hour } from '$lib/stores/hour.svelte';
import { totalOf } from '$lib/timeline/hour';

import { row, START } from '../rows';

interface Asked {
  min: number;
  max: number;
  start: string | null;
}

let asked: Asked[] = [];
let ids: number[] = [];
let clock = START;

/** A daemon that has rows of these ids, all of the last minute. */
function answer(url: string): Response {
  const params = new URL(url, 'http://x').searchParams;
  const min = Number(params.get('min_id') ?? 0);
  const max = Number(params.get('max_id') ?? Infinity);
  asked.push({ min, max, start: params.get('start') });
  const limit = Number(params.get('limit'));
  const sign = params.get('order') === 'asc' ? 1 : -1;
  const found = ids.filter((id) => id >= min && id <= max).sort((a, b) => sign * (a - b));
  const data = found.slice(0, limit).map((id) => row(0, { id }));
  return Response.json({ data, page: 1, limit, total: found.length, total_pages: 1 });
}

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);
const requests = () => totalOf(hour.slots, 0).requests;

beforeEach(() => {
  asked = [];
  // Ever on: it is one store, which does not ask too often.
  clock += 60_000;
  vi.useFakeTimers({ now: clock });
  vi.stubGlobal('fetch', (url: string) => Promise.resolve(answer(url)));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Whatever is due is asked for, and answered. */
const settled = () => vi.advanceTimersByTimeAsync(3000);

describe('hour', () => {
  it('counts all rows of the hour, however many pages they are', async () => {
    ids = range(1, 2500);
    hour.reopened();
    await settled();
    expect(requests()).toBe(2500);
    expect(hour.uncounted).toBe(0);
    expect(asked.map(({ max }) => max)).toEqual([Infinity, 1501, 502]);
    expect(asked[0]?.start).toBe(new Date(clock - 3_600_000).toISOString());
  });

  it('asks for what is new only', async () => {
    ids = range(1, 10);
    hour.reopened();
    await settled();
    ids = range(1, 12);
    hour.refresh();
    await settled();
    expect(asked.at(-1)?.min).toBe(11);
    expect(requests()).toBe(12);
  });

  it('begins anew with another daemon, which counts from the beginning', async () => {
    ids = range(1, 10);
    hour.reopened();
    await settled();
    ids = range(1, 3);
    hour.reopened();
    await settled();
    expect(requests()).toBe(3);
  });

  it('says how many it has not counted where there are too many', async () => {
    ids = range(1, 20_000);
    hour.reopened();
    await settled();
    expect(requests() + hour.uncounted).toBe(20_000);
    expect(asked).toHaveLength(12);
  });
});
