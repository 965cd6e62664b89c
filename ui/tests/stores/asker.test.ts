import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Asker } from '$lib/stores/asker';

let answers: (() => void)[];
let signals: AbortSignal[];
let asker: Asker;

/** Whatever is due is asked. */
const due = () => vi.advanceTimersByTimeAsync(1000);

beforeEach(() => {
  vi.useFakeTimers();
  answers = [];
  signals = [];
  asker = new Asker((signal) => {
    signals.push(signal);
    return new Promise((resolve) => answers.push(resolve));
  }, 1000);
});

afterEach(() => {
  vi.useRealTimers();
});

describe('what is new', () => {
  it('is asked for again after an answer that may be older than it', async () => {
    asker.more();
    await due();
    asker.more();
    asker.more();
    await due();
    expect(signals).toHaveLength(1);
    answers[0]?.();
    await due();
    expect(signals).toHaveLength(2);
    answers[1]?.();
    await due();
    expect(signals).toHaveLength(2);
  });

  it('does not wait for what was asked of a connection that is gone', async () => {
    asker.more();
    await due();
    asker.anew();
    await due();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    // What comes of it after all changes nothing.
    asker.more();
    answers[0]?.();
    await due();
    expect(signals).toHaveLength(2);
  });

  it('is asked for after a question that came to nothing', async () => {
    const ask = vi.fn(() => Promise.reject(new Error('away')));
    const failing = new Asker(ask, 1000);
    failing.more();
    await due();
    failing.more();
    await due();
    expect(ask).toHaveBeenCalledTimes(2);
  });
});
