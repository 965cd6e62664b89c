import { render, screen, waitFor, within } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { connection } from '$lib/stores/connection.svelte';

import LogTail from '../../src/pages/model/LogTail.svelte';
import { eventually } from '../patience';

let log: ReadableStreamDefaultController<Uint8Array>;

const write = (from: number, to: number) => {
  const lines = Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}\n`);
  log.enqueue(new TextEncoder().encode(lines.join('')));
};
const box = () => screen.getByRole('log');
const line = (number: number) => within(box()).queryByText(`line ${number}`);

beforeEach(() => {
  vi.spyOn(connection, 'opened', 'get').mockReturnValue(1);
  vi.stubGlobal('fetch', () => {
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void (log = controller) });
    return Promise.resolve(new Response(body));
  });
});

afterEach(() => vi.unstubAllGlobals());

describe("a log's end", () => {
  it('moves no text from element to element as lines come', async () => {
    render(LogTail, { model: 'a' });
    await waitFor(() => expect(log).toBeTruthy());
    write(1, 250);
    await eventually(() => expect(line(250)).not.toBeNull());
    const element = line(200);
    write(251, 260);
    await eventually(() => expect(line(260)).not.toBeNull());
    expect(line(200)).toBe(element);
    expect(line(60)).toBeNull();
  });

  it('keeps what somebody reads who has scrolled up', async () => {
    render(LogTail, { model: 'a' });
    await waitFor(() => expect(log).toBeTruthy());
    write(1, 200);
    await eventually(() => expect(line(200)).not.toBeNull());
    const sizes = { scrollHeight: 4000, clientHeight: 200, scrollTop: 0 };
    for (const [name, value] of Object.entries(sizes)) {
      Object.defineProperty(box(), name, { value, writable: true, configurable: true });
    }
    box().dispatchEvent(new Event('scroll'));
    write(201, 500);
    await eventually(() => expect(line(500)).not.toBeNull());
    expect(line(1)).not.toBeNull();
  });
});
