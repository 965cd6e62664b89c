/**
 * The rows of a view of the activity, a page of them.
 */

import { isAbort } from '../api/client';
import { listActivity } from '../api/endpoints';
import type { ActivityQuery, ActivityRow } from '../api/types';
import { allRows, Scan, type Fetch } from './scan';
import { keepsOf, queryOf, type Keeps, type View } from './view';

/** Rows that were looked at, and how many there are to look at. */
export interface Looked {
  at: number;
  of: number;
}

/** What was gone through for a view, so that its next page goes on from there. */
interface Found {
  key: string;
  scan: Scan;
  /** All up to this row were, or will be, gone through; those above are in `newer`. */
  upTo: number;
  newer: ActivityRow[];
}

export class ActivityRows {
  #rows = $state.raw<ActivityRow[]>([]);
  #total = $state<number | null>(null);
  #more = $state(false);
  #looked = $state.raw<Looked | null>(null);
  #busy = $state(false);
  #loaded = $state(false);
  #error = $state.raw<unknown>(null);
  #found: Found | null = null;
  #abort: AbortController | null = null;

  constructor(private readonly fetch: Fetch = (query, signal) => listActivity(query, signal)) {}

  /** Those of the page. */
  get rows(): ActivityRow[] {
    return this.#rows;
  }

  /** How many match; null while not all were looked at. */
  get total(): number | null {
    return this.#total;
  }

  /** Whether there is a page after this one. */
  get more(): boolean {
    return this.#more;
  }

  /** How far the rows were gone through, where the daemon cannot filter by itself. */
  get looked(): Looked | null {
    return this.#looked;
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** Whether any page was shown yet. */
  get loaded(): boolean {
    return this.#loaded;
  }

  get error(): unknown {
    return this.#error;
  }

  /** Forget what was gone through: another daemon may answer now. */
  reset(): void {
    this.#found = null;
  }

  /** The newest row that the daemon has; 0 where it has none. */
  async newest(signal = new AbortController().signal): Promise<number> {
    const { data } = await this.fetch({ limit: 1 }, signal);
    signal.throwIfAborted();
    return data[0]?.id ?? 0;
  }

  /** Go no further. */
  stop(): void {
    this.#abort?.abort();
    this.#busy = false;
  }

  /**
   * Fetch a page; what is shown stays until it is there.
   *
   * @param size rows a page.
   */
  async show(view: View, size: number): Promise<void> {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.#busy = true;
    const keeps = keepsOf(view);
    try {
      if (keeps) await this.#search(view, size, keeps, abort.signal);
      else await this.#page(view, size, abort.signal);
      this.#error = null;
      this.#loaded = true;
    } catch (e) {
      if (isAbort(e) || abort.signal.aborted) return;
      this.#error = e;
    } finally {
      if (this.#abort === abort) this.#busy = false;
    }
  }

  async #page(view: View, size: number, signal: AbortSignal): Promise<void> {
    const answer = await this.fetch({ ...queryOf(view), page: view.page, limit: size }, signal);
    signal.throwIfAborted();
    this.#found = null;
    this.#rows = answer.data;
    this.#total = answer.total;
    this.#more = answer.page < answer.total_pages;
    this.#looked = null;
  }

  async #search(view: View, size: number, keeps: Keeps, signal: AbortSignal): Promise<void> {
    const found = await this.#foundFor(view, keeps, signal);
    const { scan } = found;
    const first = (view.page - 1) * size;
    const put = () => {
      const { newer } = found;
      const all = newer.length ? [...newer, ...scan.matches] : scan.matches;
      this.#rows = all.slice(first, first + size);
      this.#total = scan.done ? all.length : null;
      this.#more = all.length > first + size;
      this.#looked = scan.total === null ? null : { at: scan.looked, of: scan.total };
    };
    // One more than the page has: whether there is a next one.
    await scan.fill(first + size + 1 - found.newer.length, signal, put);
    put();
  }

  async #foundFor(view: View, keeps: Keeps, signal: AbortSignal): Promise<Found> {
    const key = JSON.stringify({ ...view, page: 0 });
    const known = this.#found;
    if (known?.key === key) {
      if (canGrow(view)) await this.#grow(known, view, keeps, signal);
      return known;
    }
    const upTo = view.upTo ?? (await this.newest(signal));
    const query: ActivityQuery = { ...queryOf(view), max_id: upTo };
    const found = { key, scan: new Scan(query, keeps, this.fetch), upTo, newer: [] };
    this.#found = found;
    return found;
  }

  /** Rows that came since go on top. */
  async #grow(found: Found, view: View, keeps: Keeps, signal: AbortSignal): Promise<void> {
    const query = { ...queryOf(view), min_id: found.upTo + 1 };
    const rows: ActivityRow[] = [];
    let highest = found.upTo;
    for await (const page of allRows(query, null, this.fetch, signal)) {
      highest = Math.max(highest, page[0]?.id ?? 0);
      rows.push(...page.filter(keeps));
    }
    found.newer = [...rows, ...found.newer];
    found.upTo = highest;
  }
}

/** Whether new rows have their place at the top. */
export function canGrow(view: View): boolean {
  return view.upTo === null && view.sort === 'id' && view.order === 'desc' && !view.end;
}

/** Whether a view can follow new rows as they come, without going through all again. */
export function canFollow(view: View): boolean {
  return view.upTo === null && (keepsOf(view) === null || canGrow(view));
}
