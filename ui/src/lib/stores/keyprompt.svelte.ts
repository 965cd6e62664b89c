/**
 * The question for an API key: requests that were refused wait for its answer.
 */

import { setKey } from '../api/key';

class KeyPromptStore {
  #open = $state(false);
  #refused = $state(false);
  #settle: ((given: boolean) => void) | null = null;

  get open(): boolean {
    return this.#open;
  }

  /** Whether there was a key, and the daemon did not take it. */
  get refused(): boolean {
    return this.#refused;
  }

  /** @returns true when there is a key to try. */
  ask = (refused: string | null): Promise<boolean> => {
    this.#refused = refused !== null;
    this.#open = true;
    return new Promise((resolve) => (this.#settle = resolve));
  };

  give(key: string, remember: boolean): void {
    setKey(key, remember);
    this.#close(true);
  }

  cancel(): void {
    this.#close(false);
  }

  #close(given: boolean): void {
    this.#open = false;
    this.#settle?.(given);
    this.#settle = null;
  }
}

export const keyPrompt = new KeyPromptStore();
