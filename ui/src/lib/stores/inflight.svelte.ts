/**
 * The requests that are being answered, or wait.
 */

import type { InflightEntry, InflightEvent } from '../api/types';
import { groupBy } from '../group';
import { perFrame } from './frame';

class Inflight {
  readonly #entries = new Map<string, InflightEntry>();
  #list = $state.raw<InflightEntry[]>([]);
  readonly #show = perFrame(() => (this.#list = [...this.#entries.values()]));
  readonly #byModel = $derived(groupBy(this.#list, (entry) => entry.model));

  /** The oldest first. */
  get all(): InflightEntry[] {
    return this.#list;
  }

  /** @param names of one model. */
  of(...names: string[]): InflightEntry[] {
    return names.flatMap((name) => this.#byModel.get(name) ?? []);
  }

  find(id: string): InflightEntry | undefined {
    return this.#list.find((entry) => entry.id === id);
  }

  apply(event: InflightEvent): void {
    switch (event.operation) {
      case 'snapshot':
        this.#entries.clear();
        for (const entry of event.requests) this.#entries.set(entry.id, entry);
        break;
      case 'upsert':
        this.#entries.set(event.request.id, event.request);
        break;
      case 'remove':
        this.#entries.delete(event.id);
    }
    this.#show();
  }
}

export const inflight = new Inflight();
