/**
 * Who waits for a model.
 */

import type { Waiting } from '../api/types';
import { groupBy } from '../group';

class Queue {
  #waiting = $state.raw<Waiting[]>([]);
  readonly #byModel = $derived(groupBy(this.#waiting, (one) => one.model));

  get all(): Waiting[] {
    return this.#waiting;
  }

  of(model: string): Waiting[] {
    return this.#byModel.get(model) ?? [];
  }

  replace(waiting: Waiting[]): void {
    this.#waiting = waiting;
  }
}

export const queue = new Queue();
