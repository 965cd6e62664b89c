/**
 * Something that was fetched, and is fetched again when it may have changed: what was
 * there stays until the new one is.
 */

import { ApiError, isAbort } from '../api/client';

export class Fetched<T> {
  #value = $state.raw<T | null>(null);
  #error = $state.raw<unknown>(null);
  #controller: AbortController | null = null;

  get value(): T | null {
    return this.#value;
  }

  /** Why the last try came to nothing; null where it did not, or is under way. */
  get error(): unknown {
    return this.#error;
  }

  /** Forget what is there: it is another thing from now on. */
  clear(): void {
    this.#controller?.abort();
    this.#value = null;
    this.#error = null;
  }

  /**
   * Fetch it; a try before that has not ended is given up.
   *
   * @returns how to give this one up.
   */
  load(fetch: (signal: AbortSignal) => Promise<T>): () => void {
    this.#controller?.abort();
    const controller = new AbortController();
    this.#controller = controller;
    void this.#run(fetch, controller.signal);
    return () => controller.abort();
  }

  async #run(fetch: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<void> {
    try {
      const value = await fetch(signal);
      if (signal.aborted) return;
      this.#value = value;
      this.#error = null;
    } catch (e) {
      if (signal.aborted || isAbort(e)) return;
      // While the daemon is away, what is known of it stays; its state is shown elsewhere.
      if (this.#value !== null && e instanceof ApiError && e.unreachable) return;
      this.#value = null;
      this.#error = e;
    }
  }
}
