/**
 * The requests that ended last.
 */

import { listActivity } from '../api/endpoints';
import type { ActivityRow } from '../api/types';
import { groupBy } from '../group';
import { Asker } from './asker';

/** So many are kept. */
const KEPT = 500;

/** New ones are asked for so often at most, in milliseconds. */
const INTERVAL = 500;

class Recent {
  #rows = $state.raw<ActivityRow[]>([]);
  #last = 0;
  readonly #byModel = $derived(groupBy(this.#rows, (row) => row.model));
  readonly #asker = new Asker((signal) => this.#fetch(signal), INTERVAL);
  #newest = $state(0);

  /** The newest first. */
  get all(): ActivityRow[] {
    return this.#rows;
  }

  /** The id of the newest row that the daemon has told of: a page of rows may be old. */
  get newest(): number {
    return this.#newest;
  }

  /** @param names of one model. */
  of(...names: string[]): ActivityRow[] {
    const found = names.flatMap((name) => this.#byModel.get(name) ?? []);
    return names.length > 1 ? found.sort((a, b) => b.id - a.id) : found;
  }

  /** A new connection: another daemon may count from the beginning. */
  reopened(): void {
    this.#last = 0;
    this.#asker.anew();
  }

  added(id: number): void {
    this.#newest = Math.max(this.#newest, id);
    this.#asker.more();
  }

  async #fetch(signal: AbortSignal): Promise<void> {
    const since = this.#last;
    const news = since ? { min_id: since + 1 } : {};
    const page = await listActivity({ ...news, limit: KEPT }, signal);
    signal.throwIfAborted();
    const before = since ? this.#rows : [];
    if (page.data.length || !since) this.#rows = [...page.data, ...before].slice(0, KEPT);
    this.#last = this.#rows[0]?.id ?? 0;
    this.#newest = since ? Math.max(this.#newest, this.#last) : this.#last;
  }
}

export const recent = new Recent();
