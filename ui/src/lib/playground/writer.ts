/**
 * What comes of an answer, written into the conversation.
 */

import { perFrame } from '../stores/frame';
import type { ChatEvent } from './chatstream';
import { Meter } from './meter';
import { withoutThinking } from './thinking';
import type { Answer } from './types';

/** So often it is looked whether the model is ready, in milliseconds. */
const LOOK = 50;

/** Writes what comes into an answer, once a frame. */
export class AnswerWriter {
  readonly #meter = new Meter();
  #raw = '';
  #reasoning = '';
  #waits: boolean;
  readonly #show = perFrame(() => this.#write());

  /** @param state of the model, as it is told; undefined where it is not known. */
  constructor(
    private readonly answer: Answer,
    private readonly state: () => string | undefined,
  ) {
    const begun = state();
    this.#waits = begun !== undefined && begun !== 'ready';
    if (this.#waits) this.#watch();
  }

  /** Until the first token, look whether the model is ready. */
  #watch(): void {
    const timer = setInterval(() => {
      if (this.#waits && this.state() === 'ready') {
        this.#meter.ready();
        this.#waits = false;
      }
      if (!this.#waits || this.answer.state !== 'running') clearInterval(timer);
    }, LOOK);
  }

  take(event: ChatEvent): void {
    this.#meter.take(event);
    if (event.kind === 'text') this.#raw += event.text;
    else if (event.kind === 'reasoning') this.#reasoning += event.text;
    else return;
    this.#waits = false;
    this.#show();
  }

  end(state: Answer['state']): void {
    this.#waits = false;
    this.#write(true);
    this.answer.state = state;
  }

  #write(last = false): void {
    if (!last && this.answer.state !== 'running') return;
    const { reasoning, text } = withoutThinking(this.#raw);
    this.answer.text = text;
    this.answer.reasoning = this.#reasoning + reasoning;
    this.answer.stats = this.#meter.stats();
  }
}
