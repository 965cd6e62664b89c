/**
 * The models, as the daemon last told of them.
 */

import type { ModelStatus } from '../api/types';

/** What a person wants to know of a model's state: a failure is one. */
export type ShownState = ModelStatus['state'] | 'failed';

export function shownState(model: ModelStatus): ShownState {
  return model.state === 'stopped' && model.failure ? 'failed' : model.state;
}

class Models {
  #list = $state.raw<ModelStatus[]>([]);
  #known = $state(false);
  readonly #byName = $derived.by(() => {
    const found = new Map<string, ModelStatus>();
    for (const model of this.#list) {
      for (const alias of model.aliases) if (!found.has(alias)) found.set(alias, model);
    }
    for (const model of this.#list) found.set(model.id, model);
    return found;
  });

  /** All of them, unlisted ones and peers' too, as the daemon orders them. */
  get all(): ModelStatus[] {
    return this.#list;
  }

  /** Those that have a process here, and are not hidden. */
  readonly own = $derived(this.#list.filter((model) => !model.peerID && !model.unlisted));

  /** Those that are to be shown in a choice. */
  readonly listed = $derived(this.#list.filter((model) => !model.unlisted));

  /** Whether the daemon has told of any yet. */
  get known(): boolean {
    return this.#known;
  }

  /** By its id, or by an alias. */
  find(name: string): ModelStatus | undefined {
    return this.#byName.get(name);
  }

  replace(list: ModelStatus[]): void {
    this.#list = list;
    this.#known = true;
  }
}

export const models = new Models();
