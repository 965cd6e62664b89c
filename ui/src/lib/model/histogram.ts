/**
 * A histogram as bars of a picture.
 */

import type { Histogram } from '../api/types';
import { speed } from '../format';

export interface Bar {
  from: number;
  to: number;
  count: number;
  /** Of the highest one, from 0 to 1. */
  height: number;
}

export function barsOf({ bins, min, max, binSize }: Histogram): Bar[] {
  const highest = Math.max(1, ...bins);
  return bins.map((count, i) => ({
    from: min + i * binSize,
    to: binSize ? min + (i + 1) * binSize : max,
    count,
    height: count / highest,
  }));
}

/** Where a value stands, from 0 to 1. */
export function shareOf({ min, max }: Histogram, value: number): number {
  if (max <= min) return 0.5;
  return Math.min(1, Math.max(0, (value - min) / (max - min)));
}

/** What it shows, in a sentence. */
export function saidOf(histogram: Histogram): string {
  const { bins, min, max, p50, p95, p99 } = histogram;
  const all = bins.reduce((sum, one) => sum + one, 0);
  if (all === 1) return `1 answer at ${speed(min)} tokens/s`;
  return (
    `${all} answers from ${speed(min)} to ${speed(max)} tokens/s: ` +
    `median ${speed(p50)}, 95 % below ${speed(p95)}, 99 % below ${speed(p99)}`
  );
}
