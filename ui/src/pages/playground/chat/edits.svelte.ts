/**
 * Questions and answers that are being changed: what was written is there again, whatever the
 * user does meanwhile, until it is saved or cancelled.
 */

import { SvelteMap } from 'svelte/reactivity';

import { Draft } from '$lib/playground/draft.svelte';

import { Attached } from './attached.svelte';

/** What is to become of a question or an answer. */
export class Edit {
  readonly draft: Draft;
  readonly attached: Attached;
  open = $state(true);

  constructor(
    place: string,
    private readonly text: string,
    private readonly images: string[],
  ) {
    this.draft = new Draft(`edit.${place}`, text);
    this.attached = new Attached(images);
  }

  get isChanged(): boolean {
    const { images } = this.attached;
    return (
      this.draft.text !== this.text ||
      images.length !== this.images.length ||
      images.some((url, i) => url !== this.images[i])
    );
  }
}

class Edits {
  readonly #all = new SvelteMap<string, Edit>();

  /** The one that is open there. */
  at(place: string): Edit | undefined {
    const edit = this.#all.get(place);
    return edit?.open ? edit : undefined;
  }

  /**
   * Go on with what was written there, or begin.
   *
   * @param place the question's or answer's own name.
   * @param text as it is.
   */
  begin(place: string, text: string, images: string[] = []): void {
    const edit = this.#all.get(place);
    if (edit) edit.open = true;
    else this.#all.set(place, new Edit(place, text, [...images]));
  }

  /** It is closed, but not given up. */
  close(place: string): void {
    const edit = this.#all.get(place);
    if (!edit) return;
    if (edit.isChanged) edit.open = false;
    else this.end(place);
  }

  /** It is saved, or cancelled. */
  end(place: string): void {
    this.#all.get(place)?.draft.forget();
    this.#all.delete(place);
  }
}

export const edits = new Edits();
