/**
 * Who waits for a model. Of very many the daemon tells the first.
 */

import type { Waiting } from '../api/types';
import { groupBy } from '../group';

class Queue {
  #waiting = $state.raw<Waiting[]>([]);
  #total = $state(0);
  readonly #byModel = $derived(groupBy(this.#waiting, (one) => one.model));

  get all(): Waiting[] {
    return this.#waiting;
  }

  /** How many wait, those too that were not told. */
  get total(): number {
    return this.#total;
  }

  /** Whether all were told. */
  get isWhole(): boolean {
    return this.#total === this.#waiting.length;
  }

  of(model: string): Waiting[] {
    return this.#byModel.get(model) ?? [];
  }

  /** @param total how many wait, where that is more. */
  replace(waiting: Waiting[], total = waiting.length): void {
    this.#waiting = waiting;
    this.#total = Math.max(total, waiting.length);
  }
}

export const queue = new Queue();
