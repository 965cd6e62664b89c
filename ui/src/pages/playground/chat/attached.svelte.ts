/**
 * The images of a message that is being written.
 */

import { messageOf } from '$lib/api/client';
import { imageOf, MOST_IMAGES } from '$lib/playground/images';
import { toasts } from '$lib/stores/toasts.svelte';

export class Attached {
  #images = $state.raw<string[]>([]);

  constructor(images: string[] = []) {
    this.#images = images;
  }

  get images(): string[] {
    return this.#images;
  }

  async add(files: Iterable<File>): Promise<void> {
    for (const file of files) {
      if (this.#images.length >= MOST_IMAGES) {
        toasts.show(`A message holds ${MOST_IMAGES} images at most`, 'error');
        return;
      }
      try {
        const url = await imageOf(file);
        this.#images = [...this.#images, url];
      } catch (e) {
        toasts.show(messageOf(e), 'error');
      }
    }
  }

  remove(index: number): void {
    this.#images = this.#images.filter((_, i) => i !== index);
  }

  clear(): void {
    this.#images = [];
  }
}
