import { describe, expect, it } from 'vitest';

import { ActivityRows, canFollow } from '../../src/lib/activity/rows.svelte';
import { viewOf } from '../../src/lib/activity/view';
import { FakeRows, manyRows, row } from './rows';

const view = (link = '') => viewOf(new URLSearchParams(link));
const idsOf = (rows: ActivityRows) => rows.rows.map(({ id }) => id);
const failing = (id: number) => ({ resp_status_code: id % 100 ? 200 : 500 });

describe('ActivityRows', () => {
  it('shows the daemon’s own page where it can filter by all', async () => {
    const daemon = manyRows(60);
    const rows = new ActivityRows(daemon.fetch);
    await rows.show(view('page=2'), 25);
    expect(idsOf(rows)).toEqual(Array.from({ length: 25 }, (_, i) => 35 - i));
    expect([rows.total, rows.more, rows.looked]).toEqual([60, true, null]);
    expect(daemon.asked).toHaveLength(1);
  });

  it('asks which row is the newest, whatever page it shows', async () => {
    const rows = new ActivityRows(manyRows(60).fetch);
    await rows.show(view('page=2'), 25);
    expect(await rows.newest()).toBe(60);
    expect(idsOf(rows)[0]).toBe(35);
    expect(await new ActivityRows(new FakeRows([]).fetch).newest()).toBe(0);
  });

  it('looks no further than a page needs, and goes on from there for the next', async () => {
    const daemon = manyRows(10_000, failing);
    const rows = new ActivityRows(daemon.fetch);
    await rows.show(view('status=failed'), 25);
    expect(idsOf(rows)).toEqual(Array.from({ length: 25 }, (_, i) => 10_000 - i * 100));
    expect([rows.total, rows.more]).toEqual([null, true]);
    expect(rows.looked).toEqual({ at: 2997, of: 10_000 });
    const before = daemon.asked.length;
    await rows.show(view('status=failed&page=2'), 25);
    expect(idsOf(rows)[0]).toBe(7500);
    expect(daemon.asked.slice(before).filter(({ page }) => page === 1)).toHaveLength(1);
    await rows.show(view('status=failed&page=4'), 25);
    expect([rows.total, rows.more]).toEqual([100, false]);
  });

  it('puts new rows that match on top, without looking at all again', async () => {
    const daemon = manyRows(3000, failing);
    const rows = new ActivityRows(daemon.fetch);
    await rows.show(view('status=failed'), 100);
    const before = daemon.asked.length;
    daemon.rows.push(row(3001, { resp_status_code: 500 }), row(3002));
    await rows.show(view('status=failed'), 100);
    expect(idsOf(rows).slice(0, 2)).toEqual([3001, 3000]);
    expect(rows.total).toBe(31);
    expect(daemon.asked.slice(before)).toEqual([expect.objectContaining({ min_id: 3001 })]);
  });

  it('tells an error, keeps what it showed, and is over it with the next page', async () => {
    const daemon = manyRows(3);
    let fails = false;
    const rows = new ActivityRows((query) =>
      fails ? Promise.reject(new Error('gone')) : daemon.fetch(query),
    );
    await rows.show(view(), 25);
    fails = true;
    await rows.show(view(), 25);
    expect([rows.error, rows.rows.length, rows.busy]).toEqual([new Error('gone'), 3, false]);
    fails = false;
    await rows.show(view(), 25);
    expect(rows.error).toBeNull();
  });

  it('shows the last view that was asked for, whichever is answered first', async () => {
    const answers: (() => void)[] = [];
    const daemon = new FakeRows([row(1), row(2)]);
    const rows = new ActivityRows(async (query) => {
      await new Promise<void>((resolve) => answers.push(resolve));
      return daemon.fetch(query);
    });
    const first = rows.show(view('order=asc'), 25);
    const second = rows.show(view(), 25);
    answers[1]?.();
    await second;
    answers[0]?.();
    await first;
    expect(idsOf(rows)).toEqual([2, 1]);
  });
});

describe('canFollow', () => {
  it('is so where a new row costs one page at most', () => {
    expect(canFollow(view())).toBe(true);
    expect(canFollow(view('sort=duration'))).toBe(true);
    expect(canFollow(view('status=failed'))).toBe(true);
    expect(canFollow(view('status=failed&sort=duration'))).toBe(false);
    expect(canFollow(view('upto=5'))).toBe(false);
  });
});
