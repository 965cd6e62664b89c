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
    return serverNow();
  }
}

/** Below that it is the way that the answer took, in milliseconds. */
const NOISE = 2000;

let skew = $state(0);

/** The server's clock is so many milliseconds ahead of ours. */
export function setSkew(milliseconds: number): void {
  // What depends on it is not to change with every answer.
  if (Math.abs(milliseconds - skew) < NOISE) return;
  skew = Math.abs(milliseconds) < NOISE ? 0 : milliseconds;
}

/**
 * Milliseconds since the epoch, by the server's clock as far as it is known. It does not tick;
 * what reads it within an effect comes again when more is known of the server's clock.
 */
export function serverNow(): number {
  return Date.now() + skew;
}

/** It is looked so often whether it is another day, in milliseconds. */
const LOOK = 20_000;

const dayChanges = createSubscriber((update) => {
  let day = new Date().toDateString();
  const timer = setInterval(() => {
    const next = new Date().toDateString();
    if (next === day) return;
    day = next;
    update();
  }, LOOK);
  return () => clearInterval(timer);
});

/** The time of the user's clock: what shows by it whether something was today comes again
 *  when it no longer was. */
export function today(): Date {
  dayChanges();
  return new Date();
}

/** Ticks every second. */
export const seconds = new Ticker(1000);

/** Ticks ten times a second, for bars that move. */
export const tenths = new Ticker(100);
