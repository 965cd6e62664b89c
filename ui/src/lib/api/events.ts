/**
 * The daemon's events, over a connection that comes back by itself.
 */

import { ApiError, isAbort, request, textChunks } from './client';
import { sseEvents } from './sse';
import type { EventType, ServerEvent } from './types';

/** What is told of a stream. */
export interface StreamListener {
  /** A connection is made: what was known before may be out of date. */
  opened(): void;
  event(event: ServerEvent): void;
  /**
   * It is lost, or not to be had, and is tried again after some milliseconds; `null` where
   * the user has given no key, and `hurry` alone tries again.
   */
  lost(error: unknown, retryIn: number | null): void;
}

const TYPES: ReadonlySet<string> = new Set<EventType>([
  'logData',
  'modelStatus',
  'uiConfig',
  'profileChanged',
  'activity',
  'inflight',
  'queue',
]);

const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;

/** A connection that has been silent for so long is looked after, in milliseconds. */
const SILENCE = 20_000;
const PROBE_PATIENCE = 5_000;

/** No browser holds a timer back for so long, in milliseconds: the machine has slept. */
const SLEPT = 150_000;

/** How long to wait before a try: twice as long each time, and not all tabs at once. */
export function backoff(failures: number, random = Math.random()): number {
  const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(failures, 10));
  return wait * (0.75 + random / 2);
}

/** The event in the data of a server-sent one; null for what we do not know. */
export function decodeEvent(data: string): ServerEvent | null {
  try {
    const { type, data: inner } = JSON.parse(data) as { type: string; data: string };
    if (!TYPES.has(type)) return null;
    return { type, data: JSON.parse(inner) } as ServerEvent;
  } catch {
    return null;
  }
}

/** Follows `GET /api/events` from `start` to `stop`. */
export class EventStream {
  #stopped: AbortController | null = null;
  #wake: (() => void) | null = null;
  #heard = 0;

  constructor(
    private readonly listener: StreamListener,
    private readonly path = '/api/events',
  ) {}

  start(): void {
    if (this.#stopped) return;
    this.#stopped = new AbortController();
    void this.#run(this.#stopped.signal);
  }

  stop(): void {
    this.#stopped?.abort();
    this.#stopped = null;
  }

  /** Do not wait any longer for the next try: the network is back, the user looks. */
  hurry(): void {
    this.#wake?.();
  }

  async #run(stopped: AbortSignal): Promise<void> {
    let failures = 0;
    while (!stopped.aborted) {
      let error: unknown = null;
      try {
        await this.#follow(stopped, () => (failures = 0));
      } catch (e) {
        error = e;
      }
      if (stopped.aborted) return;
      const locked = error instanceof ApiError && error.status === 401;
      const wait = locked ? null : backoff(failures++);
      this.listener.lost(error, wait);
      await this.#sleep(wait, stopped);
    }
  }

  /** One connection, to its end. */
  async #follow(stopped: AbortSignal, opened: () => void): Promise<void> {
    const silent = new AbortController();
    const signal = AbortSignal.any([stopped, silent.signal]);
    const response = await request(this.path, {
      signal,
      headers: { Accept: 'text/event-stream' },
    });
    opened();
    this.listener.opened();
    this.#heard = Date.now();
    let ticked = this.#heard;
    const watch = setInterval(() => {
      const slept = Date.now() - ticked > SLEPT;
      ticked = Date.now();
      // The daemon may have been started again meanwhile, and know nothing of the connection.
      if (slept) silent.abort();
      else void this.#probe(silent);
    }, SILENCE / 2);
    try {
      for await (const { data } of sseEvents(this.#heardOf(textChunks(response)))) {
        const event = decodeEvent(data);
        if (event) this.listener.event(event);
      }
    } catch (e) {
      if (isAbort(e) || stopped.aborted) throw e;
      throw new ApiError('The connection was lost', 0, 'unreachable');
    } finally {
      clearInterval(watch);
    }
  }

  async *#heardOf(chunks: AsyncIterable<string>): AsyncGenerator<string, void, void> {
    for await (const chunk of chunks) {
      this.#heard = Date.now();
      yield chunk;
    }
  }

  /** A machine that slept, or a network that went: nobody closed the connection. */
  async #probe(silent: AbortController): Promise<void> {
    // Of a clock that was set back nothing is known.
    const silence = Date.now() - this.#heard;
    if (silence >= 0 && silence < SILENCE) return;
    try {
      await fetch('/health', { cache: 'no-store', signal: AbortSignal.timeout(PROBE_PATIENCE) });
      this.#heard = Date.now();
    } catch {
      silent.abort();
    }
  }

  #sleep(milliseconds: number | null, stopped: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        stopped.removeEventListener('abort', done);
        this.#wake = null;
        resolve();
      };
      const timer = milliseconds === null ? undefined : setTimeout(done, milliseconds);
      stopped.addEventListener('abort', done);
      this.#wake = done;
    });
  }
}
