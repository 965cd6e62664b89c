import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ApiError } from '../../src/lib/api/client';
import { keepFollowing } from '../../src/lib/logs/follow';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('keepFollowing', () => {
  it('comes back when the daemon does, and says so', async () => {
    const told: string[] = [];
    const abort = new AbortController();
    let connections = 0;
    const run = keepFollowing(
      'proxy',
      {
        text: (text) => told.push(text),
        opened: (again) => told.push(again ? 'again' : 'first'),
        lost: () => told.push('lost'),
      },
      abort.signal,
      async function* () {
        connections++;
        if (connections === 2) throw new ApiError('gone', 0);
        await Promise.resolve();
        yield `text ${connections}`;
        if (connections === 3) abort.abort();
      },
    );
    await vi.runAllTimersAsync();
    await run;
    expect(told).toEqual(['first', 'text 1', 'lost', 'lost', 'again', 'text 3']);
  });

  it('knows that it is connected also while the log is silent', async () => {
    const told: string[] = [];
    const abort = new AbortController();
    vi.stubGlobal('fetch', (_: string, { signal }: RequestInit) => {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) =>
          signal?.addEventListener('abort', () => controller.error(signal.reason)),
      });
      return Promise.resolve(new Response(body));
    });
    const listener = {
      text: (text: string) => void (text && told.push(text)),
      opened: () => told.push('opened'),
      lost: () => told.push('lost'),
    };
    const run = keepFollowing('proxy', listener, abort.signal);
    await vi.advanceTimersByTimeAsync(1000);
    expect(told).toEqual(['opened']);
    abort.abort();
    await run;
    vi.unstubAllGlobals();
  });

  it('does not ask again for a log that there is not', async () => {
    const run = keepFollowing(
      'x',
      { text: () => undefined, opened: () => undefined, lost: () => undefined },
      new AbortController().signal,
      // eslint-disable-next-line require-yield -- it fails before it has anything
      async function* () {
        await Promise.resolve();
        throw new ApiError('there is no log x', 400);
      },
    );
    await expect(run).rejects.toThrow('there is no log x');
  });
});
