import { describe, expect, it } from 'vitest';

import { answersOf, firstToken, median, sparkline } from '$lib/model/answers';

import { row } from '../rows';

const fast = (speed: number, ttft: string | null = null, status = 200) =>
  row(0, {
    resp_status_code: status,
    tokens: { ...row(0).tokens, tokens_per_second: speed },
    metadata: ttft === null ? null : { ttft_ms: ttft, queue_ms: '100' },
  });

describe('answersOf', () => {
  it('takes the median of the last five that told their speed', () => {
    const rows = [1, -1, 2, 3, 0, 4, 5, 600].map((speed) => fast(speed));
    expect(answersOf(rows).speed).toBe(3);
  });

  it('draws them from the oldest on', () => {
    expect(answersOf([fast(3), fast(2), fast(1)]).speeds).toEqual([1, 2, 3]);
  });

  it('leaves the time in the queue out of the time to the first token', () => {
    expect(answersOf([fast(1, '350')]).first).toBe(250);
  });

  it('does not take an error that came at once for a fast answer', () => {
    expect(answersOf([fast(-1, '101', 502), fast(1, '350')]).first).toBe(250);
  });

  it('says nothing where nothing is known', () => {
    expect(answersOf([fast(-1)])).toEqual({ speed: null, first: null, speeds: [] });
  });
});

describe('firstToken', () => {
  it('is unknown where the daemon did not tell, and never below nothing', () => {
    expect(firstToken(fast(1))).toBeNull();
    expect(firstToken(fast(1, '40'))).toBe(0);
    expect(firstToken(fast(1, 'rubbish'))).toBeNull();
  });
});

describe('median', () => {
  it('is the middle, or between the two', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNull();
  });
});

describe('sparkline', () => {
  it('goes from left to right with the highest on top', () => {
    expect(sparkline([0, 10, 5], 20, 10)).toBe('0.0,10.0 10.0,0.0 20.0,5.0');
  });

  it('is level where all are the same, and nothing for a single one', () => {
    expect(sparkline([7, 7], 20, 10)).toBe('0.0,5.0 20.0,5.0');
    expect(sparkline([7], 20, 10)).toBe('');
  });
});
