/**
 * What comes of an answer, written into the conversation.
 */

import type { ModelStatus } from '../api/types';
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

  /** @param model what is told of it by now; undefined where it is not known. */
  constructor(
    private readonly answer: Answer,
    private readonly model: () => ModelStatus | undefined,
  ) {
    const begun = model();
    this.#waits = begun !== undefined && begun.state !== 'ready';
    if (this.#waits) this.#watch();
  }

  #watch(): void {
    const timer = setInterval(() => {
      this.#look();
      if (!this.#waits || this.answer.state !== 'running') clearInterval(timer);
    }, LOOK);
  }

  /** Whether the model is ready by now. That may be told later than its first token comes. */
  #look(): void {
    const model = this.model();
    if (!this.#waits || model?.state !== 'ready') return;
    this.#waits = false;
    this.#meter.ready();
    const took = model.load_seconds?.at(-1);
    if (took !== undefined) this.#meter.loaded(took * 1000);
  }

  take(event: ChatEvent): void {
    this.#meter.take(event);
    if (event.kind === 'text') this.#raw += event.text;
    else if (event.kind === 'reasoning') this.#reasoning += event.text;
    else return;
    this.#show();
  }

  end(state: Answer['state']): void {
    this.#look();
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
