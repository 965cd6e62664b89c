/**
 * The model of a view, which its link names.
 */

import { router } from '$lib/router.svelte';

export class Chosen {
  #model = $state(router.param('model') ?? '');

  get model(): string {
    return this.#model;
  }

  choose = (model: string): void => {
    // What a view begins with is no choice.
    if (this.#model) router.setParams({ model });
    this.#model = model;
  };
}
