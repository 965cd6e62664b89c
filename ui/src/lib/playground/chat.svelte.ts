/**
 * The conversation: what is asked, what is answered, and that the browser keeps it. It
 * lives on while another page is looked at.
 */

import { SvelteMap } from 'svelte/reactivity';

import { isAbort, request } from '../api/client';
import { throttled } from '../stores/frame';
import { Persisted } from '../stores/persisted.svelte';
import { toasts } from '../stores/toasts.svelte';
import { Archive } from './archive';
import { readChat } from './chatstream';
import { requestOf } from './messages';
import { problemOf } from './problem';
import { PLAIN_SAMPLING } from './sampling';
import { isSameTalk, markConversation, markedConversation, titleOf } from './talk';
import { conversationOf } from './transfer';
import { newId, type Conversation, type Summary, type Turn } from './types';
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
  abort: AbortController;
}

/** While an answer comes, it is kept so often, in milliseconds. */
const KEEP_INTERVAL = 2000;

/** Where tabs tell each other which conversation they have written down, or removed. */
const CHANNEL = 'llamaswap.conversations';

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
  #summaries = $state.raw<Summary[]>([]);
  /** Why the browser keeps nothing, or not what was changed last; empty where it does. */
  #unread = $state('');
  #unkept = $state('');
  readonly #asking = new SvelteMap<string, Asking>();
  readonly #archive = new Archive();
  readonly #keepSoon = throttled(() => void this.keep(), KEEP_INTERVAL);
  #opened = false;
  #writing: Promise<void> = Promise.resolve();
  /** Whether it has changed since it was last to be written down. */
  #changed = false;
  /** What is to be written down and is not yet. */
  #unwritten = 0;
  /** Those that the user has removed: what is still on its way of them is not kept. */
  readonly #removed = new Set<string>();
  #others: BroadcastChannel | null = null;
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
    return this.#summaries;
  }

  get unkept(): string {
    return this.#unkept || this.#unread;
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
    this.#others = new BroadcastChannel(CHANNEL);
    this.#others.onmessage = ({ data }: MessageEvent<unknown>) => void this.#heard(data);
    await this.refresh();
    const wanted = markedConversation() ?? this.#summaries[0]?.id;
    // The user may have begun meanwhile.
    if (wanted) await this.open(wanted, () => this.#conversation.turns.length > 0);
  }

  async refresh(): Promise<void> {
    try {
      this.#summaries = await this.#archive.list();
      this.#unread = '';
    } catch (e) {
      this.#unread = `This browser keeps no conversations: ${String(e)}`;
    }
  }

  /** @param unless what is shown is to stay where it says so, once that one was read. */
  async open(id: string, unless = () => false): Promise<void> {
    const turned = ++this.#turned;
    try {
      // It may be one of those that are being written.
      await this.#writing;
      const found = await this.#archive.get(id);
      if (!found) await this.refresh();
      else if (turned === this.#turned && !unless()) this.#show(found);
    } catch (e) {
      this.#unread = `This conversation cannot be read: ${String(e)}`;
    }
  }

  /** An empty one, for the same models and with the same settings. */
  fresh(): void {
    this.#show(emptyConversation());
  }

  async remove(id: string): Promise<void> {
    this.#removed.add(id);
    if (id === this.#conversation.id) this.fresh();
    await this.#inTurn(async () => {
      await this.#archive.remove(id).catch(() => undefined);
      this.#others?.postMessage(id);
      await this.refresh();
    });
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
    const found = await Promise.all(this.#summaries.map(({ id }) => this.#archive.get(id)));
    return found.filter((one) => one !== null);
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
    turn.text = text;
    turn.images = images;
    turn.answers = [];
    this.#askAll(id);
  }

  /** Have a question answered anew; all behind it goes. */
  regenerate(id: string, column: number): void {
    if (this.#cutBehind(id)) void this.#answer(id, column);
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
    this.#unwritten++;
    return this.#inTurn(async () => {
      try {
        const conversation = $state.snapshot(shown) as Conversation;
        if (!(await this.#put(conversation))) return;
        if (conversation.id === this.#conversation.id) this.#stored = conversation;
        this.#unkept = '';
        this.#others?.postMessage(conversation.id);
        await this.refresh();
      } catch (e) {
        this.#unkept = `This browser does not keep the conversation: ${String(e)}`;
      } finally {
        this.#unwritten--;
      }
    });
  }

  /** @returns whether there was anything to do. */
  async #put(conversation: Conversation): Promise<boolean> {
    const { id, turns } = conversation;
    if (this.#removed.has(id)) return false;
    if (turns.length) await this.#archive.put(conversation);
    // Its last exchange was removed: else it would be there again after a reload.
    else if (this.#isKept(id)) await this.#archive.remove(id);
    else return false;
    return true;
  }

  #isKept(id: string): boolean {
    return this.#summaries.some((one) => one.id === id);
  }

  /** One after another, so that what is older never takes the place of what is newer. */
  #inTurn(run: () => Promise<void>): Promise<void> {
    this.#writing = this.#writing.then(run);
    return this.#writing;
  }

  #keepLater(): void {
    this.#changed = true;
    this.#keepSoon();
  }

  /** The page is left: now, or never. What waits to be written comes to nothing. */
  #leave(): void {
    if (!this.#changed && !this.#unwritten && !this.busy) return;
    this.#put($state.snapshot(this.#conversation) as Conversation).catch(() => undefined);
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
    this.#removed.delete(conversation.id);
    this.#conversation = conversation;
    this.#stored = conversation;
    markConversation(this.#conversation.id);
  }

  /**
   * Another tab has written a conversation down, or removed it. Where it is the one that is
   * shown here, it is shown as it is now; but what goes on here too is another one from now
   * on, so that neither tab takes from the other what was asked and answered there.
   */
  async #heard(id: unknown): Promise<void> {
    await this.#inTurn(async () => {
      await this.refresh();
      if (id !== this.#conversation.id) return;
      const found = await this.#archive.get(id).catch(() => null);
      // Its models and settings are what each tab has chosen.
      if (!found || id !== this.#conversation.id || isSameTalk(found, this.#stored)) return;
      if (this.#isAhead) {
        this.#conversation.id = newId();
        markConversation(this.#conversation.id);
        this.#keepLater();
        toasts.show('Another tab goes on with this conversation: here it is one of its own now');
      } else {
        const { models: chosen, system, sampling } = this.#conversation;
        this.#conversation = { ...found, models: chosen, system, sampling };
        this.#stored = found;
      }
    });
  }

  /** Whether something was changed here that is not written down. */
  get #isAhead(): boolean {
    return this.#changed || this.#unwritten > 0 || this.busy;
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
    for (const turn of turns.slice(at)) this.#stopTurn(turn.id);
    this.#conversation.turns = turns.slice(0, at + 1);
    return this.#turn(id);
  }

  #askAll(id: string): void {
    for (const column of this.#conversation.models.keys()) void this.#answer(id, column);
  }

  async #answer(id: string, column: number): Promise<void> {
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
    this.#asking.set(key, { turn: id, column, model, mark, since, loading: '', abort });
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
        const asking = event.kind === 'loading' && this.#asking.get(key);
        if (asking && asking.abort === abort) {
          this.#asking.set(key, { ...asking, loading: asking.loading + event.text });
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
