/**
 * The machine's samples, as they come.
 */

import { untrack } from 'svelte';

import { ApiError, isAbort } from '../api/client';
import { getPerformance } from '../api/endpoints';
import { spacing } from '../charts/chart';
import { SampleHistory } from './series';

/** `disabled`: the configuration says that no samples are taken. */
export type SamplesState = 'fetching' | 'there' | 'disabled' | 'failed';

/** Between two questions, in seconds. */
const LEAST = 2;
const MOST = 30;

export class Samples {
  #state = $state<SamplesState>('fetching');
  #error = $state.raw<unknown>(null);
  #history = $state.raw(new SampleHistory());

  get state(): SamplesState {
    return this.#state;
  }

  get error(): unknown {
    return this.#error;
  }

  get history(): SampleHistory {
    return this.#history;
  }

  /** Ask again and again; returns how to stop. A tab that is not looked at does not ask. */
  start(): () => void {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let asking = false;
    const round = async (): Promise<void> => {
      // A second round beside it would go on for ever too.
      if (asking) return;
      clearTimeout(timer);
      asking = true;
      if (!document.hidden) await this.#ask(abort.signal);
      asking = false;
      if (!abort.signal.aborted) timer = setTimeout(() => void round(), this.#wait() * 1000);
    };
    const seen = () => {
      if (!document.hidden) void round();
    };
    document.addEventListener('visibilitychange', seen);
    // An effect that starts it would start it anew with every answer.
    void untrack(round);
    return () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }

  #wait(): number {
    if (this.#state !== 'there') return MOST / 3;
    const times = this.#history.sys.slice(-10).map((one) => Date.parse(one.timestamp) / 1000);
    return Math.min(MOST, Math.max(LEAST, times.length > 1 ? spacing(times) : 5));
  }

  async #ask(signal: AbortSignal): Promise<void> {
    try {
      const news = await getPerformance(this.#history.last, signal);
      if (!news.enabled) {
        this.#state = 'disabled';
        return;
      }
      const next = new SampleHistory();
      next.sys = this.#history.sys;
      next.gpus = this.#history.gpus;
      next.add(news);
      this.#history = next;
      this.#state = 'there';
      this.#error = null;
    } catch (e) {
      if (isAbort(e) || signal.aborted) return;
      const off = e instanceof ApiError && e.status === 503;
      this.#state = off ? 'disabled' : 'failed';
      this.#error = off ? null : e;
    }
  }
}
