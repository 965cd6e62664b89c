/**
 * Rows that match what the daemon cannot filter by: its pages are gone through, and no
 * further than what is looked at.
 */

import type { ActivityPage, ActivityQuery, ActivityRow } from '../api/types';
import type { Keeps } from './view';

export type Fetch = (query: ActivityQuery, signal: AbortSignal) => Promise<ActivityPage>;

/** The most that the daemon gives at once. */
export const MOST = 999;

/**
 * Rows of a query, as they are found. The query should name a `max_id`: else pages move
 * while they are gone through.
 */
export class Scan {
  readonly #matches: ActivityRow[] = [];
  #page = 0;
  #looked = 0;
  #total: number | null = null;
  #done = false;

  constructor(
    private readonly query: ActivityQuery,
    private readonly keeps: Keeps,
    private readonly fetch: Fetch,
    private readonly size = MOST,
  ) {}

  get matches(): readonly ActivityRow[] {
    return this.#matches;
  }

  /** How many rows were looked at. */
  get looked(): number {
    return this.#looked;
  }

  /** How many there are to look at; null until it is known. */
  get total(): number | null {
    return this.#total;
  }

  /** Whether all were. */
  get done(): boolean {
    return this.#done;
  }

  /**
   * Go on until so many are found, or none is left.
   *
   * @param progress called after each page.
   */
  async fill(wanted: number, signal: AbortSignal, progress?: () => void): Promise<void> {
    while (!this.#done && this.#matches.length < wanted) {
      const page = this.#page + 1;
      const answer = await this.fetch({ ...this.query, page, limit: this.size }, signal);
      signal.throwIfAborted();
      this.#page = page;
      this.#looked += answer.data.length;
      this.#total = answer.total;
      for (const row of answer.data) if (this.keeps(row)) this.#matches.push(row);
      // Rows may go meanwhile: the daemon keeps the newest only.
      this.#done = page >= answer.total_pages || !answer.data.length;
      progress?.();
    }
  }
}

/**
 * All rows of a query, the newest first, in pages. The next page begins below the last row
 * of the one before: new rows move nothing.
 *
 * @param progress told how many were looked at, and of how many.
 */
export async function* allRows(
  query: ActivityQuery,
  keeps: Keeps | null,
  fetch: Fetch,
  signal: AbortSignal,
  progress?: (looked: number, total: number) => void,
  size = MOST,
): AsyncGenerator<ActivityRow[], void, void> {
  let highest = query.max_id;
  let looked = 0;
  let total: number | null = null;
  for (;;) {
    const asked: ActivityQuery = { ...query, sort: 'id', order: 'desc', page: 1, limit: size };
    if (highest !== undefined) asked.max_id = highest;
    const answer = await fetch(asked, signal);
    signal.throwIfAborted();
    total ??= answer.total;
    looked += answer.data.length;
    progress?.(looked, Math.max(total, looked));
    const last = answer.data.at(-1);
    if (!last) return;
    yield keeps ? answer.data.filter(keeps) : answer.data;
    if (answer.total_pages <= 1) return;
    highest = last.id - 1;
    if (query.min_id !== undefined && highest < query.min_id) return;
  }
}
