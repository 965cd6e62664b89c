/**
 * The last hour: when each model was in which state, and when it served.
 */

import { getTimeline } from '../api/endpoints';
import { ApiError } from '../api/client';
import type { Served, StateChange, Timeline } from '../api/types';
import { setSkew } from './clock.svelte';
import { Asker } from './asker';

const HOUR = 3_600_000;

/** It is asked for so often at most, in milliseconds. */
const INTERVAL = 1000;

class TimelineStore {
  #events = $state.raw<StateChange[]>([]);
  #served = $state.raw<Served[]>([]);
  #since: string | null = null;
  #available = $state(true);
  readonly #asker = new Asker((signal) => this.#fetch(signal), INTERVAL);

  /** The oldest first. */
  get events(): StateChange[] {
    return this.#events;
  }

  get served(): Served[] {
    return this.#served;
  }

  /** False where the daemon does not know of it. */
  get available(): boolean {
    return this.#available;
  }

  /** A new connection, perhaps to another daemon. */
  reopened(): void {
    this.#since = null;
    this.#asker.anew();
  }

  /** Something has happened that may be on it. */
  refresh(): void {
    if (this.#available) this.#asker.more();
  }

  async #fetch(signal: AbortSignal): Promise<void> {
    const since = this.#since;
    try {
      const asked = Date.now();
      const news = await getTimeline(since ?? undefined, signal);
      signal.throwIfAborted();
      this.#available = true;
      setSkew(Date.parse(news.now) - (asked + Date.now()) / 2);
      this.#take(news, since !== null);
    } catch (e) {
      signal.throwIfAborted();
      if (e instanceof ApiError && e.status === 404) this.#available = false;
    }
  }

  #take(news: Timeline, more: boolean): void {
    const oldest = Date.parse(news.now) - HOUR;
    const events = more ? merge(this.#events, news.events, keyOfChange) : news.events;
    const served = more ? merge(this.#served, news.served, keyOfServed) : news.served;
    // The last change before the hour says in which state it began.
    const before = new Map<string, StateChange>();
    const within: StateChange[] = [];
    for (const event of events) {
      if (Date.parse(event.at) < oldest) before.set(event.model, event);
      else within.push(event);
    }
    this.#events = [...before.values(), ...within];
    this.#served = served.filter(({ to }) => to === null || Date.parse(to) >= oldest);
    this.#since = news.now;
  }
}

const keyOfChange = ({ at, model, state }: StateChange) => `${at} ${state} ${model}`;
const keyOfServed = ({ from, model }: Served) => `${from} ${model}`;

/** What was known with what is new, which wins: an interval may have ended meanwhile. */
export function merge<T>(known: readonly T[], news: readonly T[], key: (one: T) => string): T[] {
  const all = new Map(known.map((one) => [key(one), one]));
  for (const one of news) all.set(key(one), one);
  return [...all.values()];
}

export const timeline = new TimelineStore();
