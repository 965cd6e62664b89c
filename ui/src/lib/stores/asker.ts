/**
 * Asking the daemon for what is new, as it tells that there is something.
 */

import { throttled } from './frame';

/**
 * One question at a time: of two answers the older could come last, or be thought to be the
 * whole.
 */
export class Asker {
  #running: AbortController | null = null;
  #again = false;
  readonly #soon: () => void;

  /**
   * @param ask what it does once the signal says so comes to nothing; where it throws, the
   *   next event or the next connection asks again.
   * @param interval it is asked so often at most, in milliseconds.
   */
  constructor(
    private readonly ask: (signal: AbortSignal) => Promise<void>,
    interval: number,
  ) {
    this.#soon = throttled(() => void this.#run(), interval);
  }

  /** There is something new. */
  more(): void {
    this.#soon();
  }

  /** What was asked of a connection that is gone may never be answered. */
  anew(): void {
    this.#running?.abort();
    this.#running = null;
    this.#again = false;
    this.#soon();
  }

  async #run(): Promise<void> {
    if (this.#running) {
      this.#again = true;
      return;
    }
    const mine = new AbortController();
    this.#running = mine;
    try {
      await this.ask(mine.signal);
    } catch {
      // Asked again in time.
    }
    if (this.#running !== mine) return;
    this.#running = null;
    if (!this.#again) return;
    this.#again = false;
    this.#soon();
  }
}
