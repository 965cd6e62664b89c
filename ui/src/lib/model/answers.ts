/**
 * How fast a model has been of late, by the rows of its last requests.
 */

import type { ActivityRow } from '../api/types';
import { numberOf } from '../format';

/** So many answers make the number that is shown. */
const LAST = 5;

/** So many are drawn. */
const DRAWN = 20;

export interface Answers {
  /** Tokens a second, the median of the last answers; null where none told. */
  speed: number | null;
  /** Milliseconds from the model's turn to its first token, the median likewise. */
  first: number | null;
  /** Speeds of the last answers, the oldest first. */
  speeds: number[];
}

/** @param rows the newest first. */
export function answersOf(rows: readonly ActivityRow[]): Answers {
  const speeds: number[] = [];
  const firsts: number[] = [];
  for (const row of rows) {
    if (speeds.length < DRAWN && row.tokens.tokens_per_second > 0) {
      speeds.push(row.tokens.tokens_per_second);
    }
    const first = firstToken(row);
    if (firsts.length < LAST && first !== null && row.resp_status_code === 200) firsts.push(first);
    if (speeds.length === DRAWN && firsts.length === LAST) break;
  }
  return {
    speed: median(speeds.slice(0, LAST)),
    first: median(firsts),
    speeds: speeds.reverse(),
  };
}

/**
 * How long a request waited for its first token once it was its turn, in milliseconds:
 * without its time in the queue, which is the others' doing. Null where it is not known.
 */
export function firstToken({ metadata }: ActivityRow): number | null {
  const whole = numberOf(metadata?.['ttft_ms']);
  if (whole === null || whole < 0) return null;
  return Math.max(0, whole - Math.max(0, numberOf(metadata?.['queue_ms']) ?? 0));
}

export function median(values: readonly number[]): number | null {
  if (!values.length) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? null;
  if (sorted.length % 2 || upper === null) return upper;
  return ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** Points of a line through values, for a box of that size; the lowest is at its bottom. */
export function sparkline(values: readonly number[], width: number, height: number): string {
  if (values.length < 2) return '';
  const low = Math.min(...values);
  const range = Math.max(...values) - low;
  return values
    .map((value, i) => {
      const x = (i / (values.length - 1)) * width;
      const y = range ? height - ((value - low) / range) * height : height / 2;
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    })
    .join(' ');
}
