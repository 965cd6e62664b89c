/**
 * One request at a time, with what became of it: for the views that ask once and show.
 */

import { isAbort } from '../api/client';
import { models } from '../stores/models.svelte';
import { problemOf } from './problem';
import type { Problem } from './types';
import { marked, newMark, standingOf } from './waiting.svelte';

export interface Running {
  model: string;
  mark: string;
  /** On the clock of `performance.now()`. */
  since: number;
  abort: AbortController;
}

/** What a request is given: a signal, and headers to send. */
export interface Sending {
  signal: AbortSignal;
  headers: Record<string, string>;
}

export class Task<T> {
  #running = $state.raw<Running | null>(null);
  #problem = $state.raw<Problem | null>(null);
  #result = $state.raw<T | null>(null);
  #took = $state<number | null>(null);

  get running(): Running | null {
    return this.#running;
  }

  get problem(): Problem | null {
    return this.#problem;
  }

  /** Of the last that came to something. */
  get result(): T | null {
    return this.#result;
  }

  /** How long that took, in milliseconds. */
  get took(): number | null {
    return this.#took;
  }

  /** @returns whether it came to something. */
  async run(model: string, ask: (sending: Sending) => Promise<T>): Promise<boolean> {
    this.stop();
    const running: Running = {
      model,
      mark: newMark(),
      since: performance.now(),
      abort: new AbortController(),
    };
    this.#running = running;
    this.#problem = null;
    try {
      const result = await ask({
        signal: running.abort.signal,
        headers: marked(running.mark),
      });
      if (this.#running !== running) return false;
      this.#result = result;
      this.#took = performance.now() - running.since;
      return true;
    } catch (e) {
      if (this.#running === running && !isAbort(e)) {
        const failure = standingOf(model, running.mark).model?.failure ?? null;
        this.#problem = problemOf(e, failure ?? models.find(model)?.failure ?? null);
      }
      return false;
    } finally {
      if (this.#running === running) this.#running = null;
    }
  }

  stop(): void {
    this.#running?.abort.abort();
    this.#running = null;
  }
}
