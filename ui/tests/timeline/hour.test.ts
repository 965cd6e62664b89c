import { describe, expect, it } from 'vitest';

import { HOUR, HourCounts, SLOT, totalOf } from '$lib/timeline/hour';

import { row, START } from '../rows';

describe('HourCounts', () => {
  it('counts by half minutes', () => {
    const counts = new HourCounts();
    counts.add([row(0), row(29), row(31)]);
    expect(counts.list().map(({ at, count }) => [at - START, count.requests])).toEqual([
      [0, 2],
      [SLOT, 1],
    ]);
  });

  it('takes what is unknown for nothing, and errors for failures', () => {
    const counts = new HourCounts();
    const tokens = { ...row(0).tokens, input_tokens: -1, output_tokens: 7 };
    counts.add([row(0, { tokens, resp_status_code: 502 })]);
    expect(totalOf(counts.list(), 0)).toEqual({ requests: 1, failed: 1, input: 0, output: 7 });
  });

  it('forgets what is older than an hour', () => {
    const counts = new HourCounts();
    counts.add([row(0), row(3000)]);
    counts.prune(START + HOUR + 2 * SLOT);
    expect(counts.list()).toHaveLength(1);
  });

  it('sums up what is within only', () => {
    const counts = new HourCounts();
    counts.add([row(0), row(100)]);
    expect(totalOf(counts.list(), START + 60_000).requests).toBe(1);
  });
});
