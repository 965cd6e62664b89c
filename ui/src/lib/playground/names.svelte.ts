/**
 * All names that can be asked, fetched again with every connection, and which of them was
 * chosen last for what.
 */

import { listModels } from '../api/endpoints';
import type { ListedModel } from '../api/types';
import { connection } from '../stores/connection.svelte';
import { models } from '../stores/models.svelte';
import { Persisted } from '../stores/persisted.svelte';
import { profiles } from '../stores/profiles.svelte';
import { choicesOf, firstChoice, type Choices, type Use } from './choices';

class Names {
  #listed = $state.raw<ListedModel[]>([]);

  /** Keep the list up to date: to be called within an effect. */
  follow(): void {
    void connection.opened;
    void profiles.active;
    listModels().then(
      (list) => (this.#listed = list),
      // The models themselves are known without it.
      () => undefined,
    );
  }

  choices(use: Use): Choices {
    return choicesOf(models.all, this.#listed, use);
  }

  /** What a view begins with. */
  first(use: Use): string {
    return firstChoice(this.choices(use), models.all, last.value[use]);
  }
}

const last = new Persisted<Partial<Record<Use, string>>>(
  'playground.models',
  {},
  (value) => typeof value === 'object' && value !== null,
);

/** Begin with that model the next time. */
export function remember(use: Use, model: string): void {
  if (last.value[use] !== model) last.value = { ...last.value, [use]: model };
}

export const names = new Names();
