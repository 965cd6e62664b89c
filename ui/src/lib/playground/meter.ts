/**
 * How fast an answer comes: the server's own figures where it gives them, else ours.
 */

import type { ChatEvent, Timings, Usage } from './chatstream';
import type { Stats } from './types';

function positive(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) && value > 0 ? value : null;
}

/** Told of all that happens to one answer, in the order in which it does. */
export class Meter {
  readonly #began: number;
  #ready: number | null = null;
  #first: number | null = null;
  #firstText: number | null = null;
  #firstReasoning: number | null = null;
  #last = 0;
  #pieces = 0;
  #usage: Usage = {};
  #timings: Timings = {};
  #finish = '';

  /** @param now a clock in milliseconds, as of the sending of the request. */
  constructor(private readonly now: () => number = () => performance.now()) {
    this.#began = now();
  }

  /** The model is loaded; only for one that was not when it was asked. */
  ready(): void {
    if (this.#first === null) this.#ready = this.now();
  }

  /** It is only now told that the model was loaded before the first token, and in what time. */
  loaded(milliseconds: number): void {
    this.#ready ??= Math.min(this.#began + milliseconds, this.#first ?? Infinity);
  }

  take(event: ChatEvent): void {
    switch (event.kind) {
      case 'text':
        this.#piece();
        this.#firstText ??= this.#last;
        break;
      case 'reasoning':
        this.#piece();
        this.#firstReasoning ??= this.#last;
        break;
      case 'usage':
        this.#usage = { ...this.#usage, ...event.usage };
        break;
      case 'timings':
        this.#timings = event.timings;
        break;
      case 'finish':
        this.#finish = event.reason;
        break;
      case 'loading':
        // The last that is told of it is its end.
        this.ready();
    }
  }

  #piece(): void {
    this.#last = this.now();
    this.#first ??= this.#last;
    this.#pieces++;
  }

  /** As far as it is known by now. */
  stats(): Stats {
    const told = positive(this.#timings.predicted_n) ?? positive(this.#usage.completion_tokens);
    const tokens = told ?? (this.#pieces || null);
    return {
      firstTokenMs: since(this.#began, this.#first),
      loadMs: since(this.#began, this.#ready),
      totalMs: this.now() - this.#began,
      reasoningMs: this.#reasoningMs(),
      promptTokens: positive(this.#usage.prompt_tokens) ?? positive(this.#timings.prompt_n),
      promptPerSecond: positive(this.#timings.prompt_per_second),
      tokens,
      tokensPerSecond: positive(this.#timings.predicted_per_second) ?? this.#speed(tokens),
      estimated: told === null,
      finish: this.#finish,
    };
  }

  #reasoningMs(): number | null {
    if (this.#firstReasoning === null) return null;
    return (this.#firstText ?? this.#last) - this.#firstReasoning;
  }

  /** The first token is the prompt's time, not its own. */
  #speed(tokens: number | null): number | null {
    if (tokens === null || this.#first === null || tokens < 2) return null;
    const seconds = (this.#last - this.#first) / 1000;
    return seconds > 0 ? (tokens - 1) / seconds : null;
  }
}

function since(began: number, at: number | null): number | null {
  return at === null ? null : at - began;
}
