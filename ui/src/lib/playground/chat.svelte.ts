/**
 * The conversation: what is asked, what is answered, and when that is written down. It lives
 * on while another page is looked at.
 */

import { SvelteMap } from 'svelte/reactivity';

import { isAbort, request } from '../api/client';
import { throttled } from '../stores/frame';
import { Persisted } from '../stores/persisted.svelte';
import { toasts } from '../stores/toasts.svelte';
import { readChat } from './chatstream';
import { Keeping } from './keeping.svelte';
import { requestOf } from './messages';
import { problemOf } from './problem';
import { PLAIN_SAMPLING } from './sampling';
import { isSameTalk, markConversation, markedConversation, titleOf } from './talk';
import { conversationOf } from './transfer';
import { newId, type Answer, type Conversation, type Summary, type Turn } from './types';
import { failureOf, marked, newMark, standingOf } from './waiting.svelte';
import { AnswerWriter } from './writer';

/** An answer that is on its way. */
export interface Asking {
  turn: string;
  column: number;
  model: string;
  mark: string;
  /** On the clock of `performance.now()`. */
  since: number;
  /** What the daemon tells while the model loads. */
  loading: string;
  /** The answer that was there before, which stays where this one comes to nothing. */
  before: Answer | null;
  abort: AbortController;
}

/** While an answer comes, it is kept so often, in milliseconds. */
const KEEP_INTERVAL = 2000;

/** What a conversation begins with. */
const like = new Persisted<Pick<Conversation, 'models' | 'system' | 'sampling'>>(
  'playground.chat',
  { models: [''], system: '', sampling: PLAIN_SAMPLING },
  (value) => conversationOf({ ...(value as object), turns: [] }) !== null,
);

function emptyConversation(): Conversation {
  const { models: chosen, system, sampling } = like.value;
  const given = conversationOf({ models: chosen, system, sampling, turns: [] });
  if (!given) throw new Error('an empty conversation is one');
  return given;
}

function keyOf(turn: string, column: number): string {
  return `${turn} ${column}`;
}

class Chat {
  #conversation = $state<Conversation>(emptyConversation());
  readonly #asking = new SvelteMap<string, Asking>();
  readonly #keeping = new Keeping();
  readonly #keepSoon = throttled(() => void this.keep(), KEEP_INTERVAL);
  #opened = false;
  /** Whether it has changed since it was last to be written down. */
  #changed = false;
  /** What is shown, as it was last read or written down. */
  #stored: Conversation | null = null;
  /** Counts what was shown: what is read for longer than that is no longer wanted. */
  #turned = 0;

  /** It may be changed; `keep` writes it down. */
  get conversation(): Conversation {
    return this.#conversation;
  }

  /** Those that the browser keeps, the newest first. */
  get summaries(): Summary[] {
    return this.#keeping.summaries;
  }

  /** Why the browser keeps nothing, or not what was changed last; empty where it does. */
  get unkept(): string {
    return this.#keeping.unkept;
  }

  /** Whether any answer is on its way. */
  get busy(): boolean {
    return this.#asking.size > 0;
  }

  asking(turn: string, column: number): Asking | undefined {
    return this.#asking.get(keyOf(turn, column));
  }

  /** Open what was open in this tab, or what was changed last. Once. */
  async begin(): Promise<void> {
    if (this.#opened) return;
    this.#opened = true;
    addEventListener('pagehide', () => this.#leave());
    this.#keeping.listen(
      (id, found) => this.#heard(id, found),
      (id) => id === this.#conversation.id,
    );
    await this.refresh();
    const wanted = markedConversation() ?? this.summaries[0]?.id;
    // The user may have begun meanwhile.
    if (wanted) await this.open(wanted, () => this.#conversation.turns.length > 0);
  }

  refresh(): Promise<void> {
    return this.#keeping.refresh();
  }

  /** @param unless what is shown is to stay where it says so, once that one was read. */
  async open(id: string, unless = () => false): Promise<void> {
    const turned = ++this.#turned;
    const found = await this.#keeping.read(id);
    if (found && turned === this.#turned && !unless()) this.#show(found);
  }

  /** An empty one, for the same models and with the same settings. */
  fresh(): void {
    this.#show(emptyConversation());
  }

  remove(id: string): Promise<void> {
    const removed = this.#keeping.remove(id);
    if (id === this.#conversation.id) this.fresh();
    return removed;
  }

  /** Take up conversations out of a file; the last is shown. */
  async take(conversations: Conversation[]): Promise<void> {
    for (const one of conversations) {
      this.#show(one);
      await this.keep();
    }
  }

  /** All that are kept, whole. */
  async all(): Promise<Conversation[]> {
    await this.keep();
    return this.#keeping.all();
  }

  /** Ask all of its models. */
  ask(text: string, images: string[] = []): void {
    const turn: Turn = { id: newId(), text, images, answers: [] };
    this.#conversation.turns.push(turn);
    markConversation(this.#conversation.id);
    this.#askAll(turn.id);
  }

  /** Ask something else in the place of a question; all behind it goes. */
  askAgain(id: string, text: string, images: string[]): void {
    const turn = this.#cutBehind(id);
    if (!turn) return;
    this.#stopTurn(id);
    turn.text = text;
    turn.images = images;
    turn.answers = [];
    this.#askAll(id);
  }

  /**
   * Have a question answered anew; all behind it goes. Where that comes to nothing, the answer
   * that was there stays.
   */
  regenerate(id: string, column: number): void {
    const turn = this.#cutBehind(id);
    if (!turn) return;
    this.asking(id, column)?.abort.abort();
    const before = turn.answers[column];
    void this.#answer(id, column, before?.text ? ($state.snapshot(before) as Answer) : null);
  }

  /** Change what a model has answered, for what it is asked next. */
  rewrite(id: string, column: number, text: string): void {
    const answer = this.#turn(id)?.answers[column];
    if (!answer) return;
    answer.text = text;
    this.#keepLater();
  }

  removeTurn(id: string): void {
    this.#stopTurn(id);
    const { turns } = this.#conversation;
    this.#conversation.turns = turns.filter((turn) => turn.id !== id);
    this.#keepLater();
  }

  stop(): void {
    for (const { abort } of this.#asking.values()) abort.abort();
  }

  /** Write the conversation down, after what is being written. */
  keep(): Promise<void> {
    this.#changed = false;
    return this.#write(this.#conversation);
  }

  /** @param shown as it is by then, it is written. */
  #write(shown: Conversation): Promise<void> {
    return this.#keeping.write(
      () => this.#keptOf(shown),
      (written) => {
        if (written.id === this.#conversation.id) this.#stored = written;
      },
    );
  }

  /** What is kept of it by now: an answer that has not begun takes no other's place. */
  #keptOf(shown: Conversation): Conversation {
    const kept = $state.snapshot(shown) as Conversation;
    for (const { turn, column, before } of this.#asking.values()) {
      const answers = kept.turns.find(({ id }) => id === turn)?.answers;
      if (before && answers && !answers[column]?.text) answers[column] = before;
    }
    return kept;
  }

  #keepLater(): void {
    this.#changed = true;
    this.#keepSoon();
  }

  /** The page is left: now, or never. What waits to be written comes to nothing. */
  #leave(): void {
    if (!this.#changed && !this.#keeping.writes && !this.busy) return;
    this.#keeping.writeAtOnce(this.#keptOf(this.#conversation));
    // The page may come back: then what was to be written before that is older.
    void this.keep();
  }

  /** Its models or settings were changed: the next begins with them too. */
  changed(): void {
    const { models: chosen, system, sampling } = $state.snapshot(this.#conversation);
    like.value = { models: chosen, system, sampling };
    this.#keepLater();
  }

  #show(conversation: Conversation): void {
    this.#turned++;
    if (conversation.id === this.#conversation.id) return;
    // What was to be written down soon would be another one by then.
    if (this.#changed) void this.keep();
    this.stop();
    this.#keeping.restore(conversation.id);
    this.#conversation = conversation;
    this.#stored = conversation;
    markConversation(this.#conversation.id);
  }

  /**
   * Another tab has written down or removed the conversation that is shown. It is shown as it
   * is now; but what goes on here too is another one from now on, so that neither tab takes
   * from the other what was asked and answered there.
   */
  #heard(id: string, found: Conversation | null): void {
    if (id !== this.#conversation.id || (found && isSameTalk(found, this.#stored))) return;
    if (this.#isAhead) {
      // One that was removed there is still the only one.
      if (!found) return;
      this.#conversation.id = newId();
      markConversation(this.#conversation.id);
      this.#keepLater();
      toasts.show('Another tab goes on with this conversation: here it is one of its own now');
    } else if (found) {
      // Its models and settings are what each tab has chosen.
      const { models: chosen, system, sampling } = this.#conversation;
      this.#conversation = { ...found, models: chosen, system, sampling };
      this.#stored = found;
    } else {
      // Else a setting that is changed would have it kept again.
      this.#changed = false;
      this.fresh();
      toasts.show('This conversation was removed in another tab');
    }
  }

  /** Whether something was asked or answered here that is not written down. */
  get #isAhead(): boolean {
    return this.busy || !isSameTalk(this.#conversation, this.#stored);
  }

  #turn(id: string): Turn | undefined {
    return this.#conversation.turns.find((turn) => turn.id === id);
  }

  #stopTurn(id: string): void {
    for (const asking of this.#asking.values()) {
      if (asking.turn === id) asking.abort.abort();
    }
  }

  #cutBehind(id: string): Turn | undefined {
    const { turns } = this.#conversation;
    const at = turns.findIndex((turn) => turn.id === id);
    if (at < 0) return undefined;
    for (const turn of turns.slice(at + 1)) this.#stopTurn(turn.id);
    this.#conversation.turns = turns.slice(0, at + 1);
    return this.#turn(id);
  }

  #askAll(id: string): void {
    for (const column of this.#conversation.models.keys()) void this.#answer(id, column);
  }

  async #answer(id: string, column: number, before: Answer | null = null): Promise<void> {
    const conversation = this.#conversation;
    const turn = this.#turn(id);
    const model = conversation.models[column];
    if (!turn || model === undefined) return;
    conversation.title ||= titleOf(conversation);
    const body = requestOf($state.snapshot(conversation) as Conversation, column, turn);
    // Both models' places: an array with a hole is not kept as it is.
    while (turn.answers.length < column) turn.answers.push(null);
    turn.answers[column] = {
      model,
      state: 'running',
      text: '',
      reasoning: '',
      problem: null,
      stats: null,
    };
    // Read back: what was put in is not what is observed.
    const answer = turn.answers[column];
    const key = keyOf(id, column);
    const abort = new AbortController();
    const mark = newMark();
    const since = performance.now();
    const asking = { turn: id, column, model, mark, since, loading: '', before, abort };
    this.#asking.set(key, asking);
    const writer = new AnswerWriter(answer, () => standingOf(model, mark).model);
    try {
      const response = await request('/v1/chat/completions', {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { ...marked(mark), 'Content-Type': 'application/json' },
        signal: abort.signal,
      });
      for await (const event of readChat(response)) {
        writer.take(event);
        if (event.kind === 'loading' && this.#asking.get(key)?.abort === abort) {
          asking.loading += event.text;
          this.#asking.set(key, { ...asking });
        }
        this.#keepLater();
      }
      writer.end('done');
    } catch (e) {
      if (isAbort(e)) {
        writer.end('stopped');
      } else {
        answer.problem = problemOf(e, await failureOf(model, mark, e));
        writer.end('failed');
      }
    } finally {
      const failedAgain = before && answer.state !== 'done' && !answer.text;
      if (failedAgain && turn.answers[column] === answer) {
        turn.answers[column] = { ...before, problem: answer.problem ?? before.problem };
      }
      if (this.#asking.get(key)?.abort === abort) this.#asking.delete(key);
      conversation.updated = Date.now();
      // One that is no longer shown: its answer was stopped by that.
      if (this.#conversation.id !== conversation.id) {
        await this.#write(conversation);
      } else await this.keep();
    }
  }
}

export const chat = new Chat();
