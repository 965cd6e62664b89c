/**
 * The requests and tokens of the last hour; kept up while somebody looks.
 */

import { listActivity } from '../api/endpoints';
import type { ActivityPage } from '../api/types';
import { HOUR, HourCounts, type Count } from '../timeline/hour';
import { Asker } from './asker';
import { serverNow } from './clock.svelte';

/** A page of rows is at most so long. */
const LIMIT = 999;

/** So many pages are counted row by row; of what is older, only how much there is. */
const PAGES = 12;

/** It is asked for so often at most, in milliseconds. */
const INTERVAL = 1500;

type Slots = readonly { at: number; count: Count }[];

class Hour {
  #slots = $state.raw<Slots>([]);
  #uncounted = $state(0);
  #counts = new HourCounts();
  #last = 0;
  readonly #asker = new Asker(
    (signal) => (this.#last ? this.#news(signal) : this.#whole(signal)),
    INTERVAL,
  );

  get slots(): Slots {
    return this.#slots;
  }

  /** So many requests are within the hour, but not in the slots. */
  get uncounted(): number {
    return this.#uncounted;
  }

  /** Begin anew: another daemon may count from the beginning. */
  reopened(): void {
    this.#last = 0;
    this.#asker.anew();
  }

  /** There are more rows. */
  refresh(): void {
    this.#asker.more();
  }

  /** From the newest back: rows that come meanwhile shift no page. */
  async #whole(signal: AbortSignal): Promise<void> {
    const start = new Date(serverNow() - HOUR).toISOString();
    const counts = new HourCounts();
    let newest = 0;
    let total = 0;
    let taken = 0;
    let before: number | undefined;
    for (let i = 0; i < PAGES; i++) {
      const older = before === undefined ? {} : { max_id: before };
      const page: ActivityPage = await listActivity(
        { start, limit: LIMIT, sort: 'id', order: 'desc', ...older },
        signal,
      );
      signal.throwIfAborted();
      counts.add(page.data);
      if (before === undefined) {
        total = page.total;
        newest = page.data[0]?.id ?? 0;
      }
      taken += page.data.length;
      const lowest = page.data.at(-1)?.id ?? 1;
      if (page.data.length < LIMIT || lowest <= 1) break;
      before = lowest - 1;
    }
    this.#counts = counts;
    this.#last = newest;
    this.#uncounted = Math.max(0, total - taken);
    this.#show();
  }

  async #news(signal: AbortSignal): Promise<void> {
    for (;;) {
      const page = await listActivity(
        { min_id: this.#last + 1, limit: LIMIT, sort: 'id', order: 'asc' },
        signal,
      );
      signal.throwIfAborted();
      this.#counts.add(page.data);
      this.#last = page.data.at(-1)?.id ?? this.#last;
      this.#show();
      if (page.data.length < LIMIT) return;
    }
  }

  #show(): void {
    this.#counts.prune(serverNow());
    this.#slots = this.#counts.list();
  }
}

export const hour = new Hour();
