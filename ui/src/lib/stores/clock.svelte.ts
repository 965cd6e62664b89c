/**
 * The time, as something that changes: read it where a duration is shown.
 */

import { createSubscriber } from 'svelte/reactivity';

/** A clock that ticks only while somebody looks. */
class Ticker {
  readonly #subscribe: () => void;

  constructor(interval: number) {
    this.#subscribe = createSubscriber((update) => {
      const timer = setInterval(update, interval);
      return () => clearInterval(timer);
    });
  }

  /** Milliseconds since the epoch, by the server's clock as far as it is known. */
  get now(): number {
    this.#subscribe();
    return Date.now() + skew;
  }
}

let skew = 0;

/** The server's clock is so many milliseconds ahead of ours. */
export function setSkew(milliseconds: number): void {
  // Below that it is the way that the answer took.
  skew = Math.abs(milliseconds) < 2000 ? 0 : milliseconds;
}

/** Ticks every second. */
export const seconds = new Ticker(1000);

/** Ticks ten times a second, for bars that move. */
export const tenths = new Ticker(100);
