/**
 * The requests of the last hour, counted in slots of half a minute.
 */

import type { ActivityRow } from '../api/types';

export const HOUR = 3_600_000;

/** In milliseconds. */
export const SLOT = 30_000;

export interface Count {
  requests: number;
  /** Of them, those that were no success. */
  failed: number;
  input: number;
  output: number;
}

const none = (): Count => ({ requests: 0, failed: 0, input: 0, output: 0 });

/** Counts by slots, numbered from the epoch on. */
export class HourCounts {
  readonly #slots = new Map<number, Count>();

  add(rows: readonly ActivityRow[]): void {
    for (const { timestamp, resp_status_code: status, tokens } of rows) {
      const slot = Math.floor(Date.parse(timestamp) / SLOT);
      if (!Number.isFinite(slot)) continue;
      let count = this.#slots.get(slot);
      if (!count) this.#slots.set(slot, (count = none()));
      count.requests++;
      if (status < 200 || status > 299) count.failed++;
      count.input += Math.max(0, tokens.input_tokens);
      count.output += Math.max(0, tokens.output_tokens);
    }
  }

  /** Forget what is older than the hour. */
  prune(now: number): void {
    const oldest = Math.floor((now - HOUR) / SLOT);
    for (const slot of this.#slots.keys()) if (slot < oldest) this.#slots.delete(slot);
  }

  /** The slots that have any, the oldest first, with their beginnings. */
  list(): { at: number; count: Count }[] {
    return [...this.#slots]
      .sort(([a], [b]) => a - b)
      .map(([slot, count]) => ({ at: slot * SLOT, count: { ...count } }));
  }
}

/** All of them together. */
export function totalOf(slots: readonly { at: number; count: Count }[], since: number): Count {
  const total = none();
  for (const { at, count } of slots) {
    if (at + SLOT <= since) continue;
    total.requests += count.requests;
    total.failed += count.failed;
    total.input += count.input;
    total.output += count.output;
  }
  return total;
}
