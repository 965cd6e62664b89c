/**
 * That the browser keeps conversations: written down one after another, and told between its
 * tabs.
 */

import { Archive } from './archive';
import type { Conversation, Summary } from './types';

/** Where tabs tell each other which conversation they have written down, or removed. */
const CHANNEL = 'llamaswap.conversations';

export class Keeping {
  #summaries = $state.raw<Summary[]>([]);
  /** Why the browser keeps nothing, or not what was changed last; empty where it does. */
  #unread = $state('');
  #unkept = $state('');
  readonly #archive = new Archive();
  #writing: Promise<void> = Promise.resolve();
  /** What is to be written down and is not yet. */
  #unwritten = 0;
  /** Those that the user has removed: what is still on its way of them is not kept. */
  readonly #removed = new Set<string>();
  #others: BroadcastChannel | null = null;

  /** Those that the browser keeps, the newest first. */
  get summaries(): Summary[] {
    return this.#summaries;
  }

  get unkept(): string {
    return this.#unkept || this.#unread;
  }

  get writes(): boolean {
    return this.#unwritten > 0;
  }

  /**
   * Hear of other tabs.
   *
   * @param heard is told which conversation was written or removed there, and what it is by
   *   now: null where it is gone. Nothing is written meanwhile.
   * @param wanted whether one is to be read for that.
   */
  listen(
    heard: (id: string, found: Conversation | null) => void,
    wanted: (id: string) => boolean,
  ): void {
    const told = new Set<string>();
    this.#others = new BroadcastChannel(CHANNEL);
    this.#others.onmessage = ({ data }: MessageEvent<unknown>) => {
      const id = String(data);
      // A tab that slept hears all at once, and wants but what it is by then.
      if (told.has(id)) return;
      told.add(id);
      void this.#inTurn(async () => {
        told.delete(id);
        await this.refresh();
        if (!wanted(id)) return;
        try {
          heard(id, await this.#archive.get(id));
        } catch {
          // It is heard of when it is written the next time.
        }
      });
    };
  }

  async refresh(): Promise<void> {
    try {
      this.#summaries = await this.#archive.list();
      this.#unread = '';
    } catch (e) {
      this.#unread = `This browser keeps no conversations: ${String(e)}`;
    }
  }

  /** @returns null where it is not kept, or cannot be read. */
  async read(id: string): Promise<Conversation | null> {
    try {
      // It may be one of those that are being written.
      await this.#writing;
      const found = await this.#archive.get(id);
      if (!found) await this.refresh();
      return found;
    } catch (e) {
      this.#unread = `This conversation cannot be read: ${String(e)}`;
      return null;
    }
  }

  /** All of them, whole. */
  async all(): Promise<Conversation[]> {
    const found = await Promise.all(this.#summaries.map(({ id }) => this.#archive.get(id)));
    return found.filter((one) => one !== null);
  }

  /**
   * Write a conversation down, after what is being written.
   *
   * @param shown returns what it is by then.
   * @param done is told what was written down.
   */
  write(shown: () => Conversation, done: (written: Conversation) => void): Promise<void> {
    this.#unwritten++;
    return this.#inTurn(async () => {
      try {
        const conversation = shown();
        if (!(await this.#put(conversation))) return;
        done(conversation);
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

  /** Write it down at once: the page is left. Nothing tells what becomes of it. */
  writeAtOnce(conversation: Conversation): void {
    this.#put(conversation).catch(() => undefined);
  }

  async remove(id: string): Promise<void> {
    this.#removed.add(id);
    await this.#inTurn(async () => {
      await this.#archive.remove(id).catch(() => undefined);
      this.#others?.postMessage(id);
      await this.refresh();
    });
  }

  /** One that was removed is wanted again. */
  restore(id: string): void {
    this.#removed.delete(id);
  }

  /** @returns whether there was anything to do. */
  async #put(conversation: Conversation): Promise<boolean> {
    const { id, turns } = conversation;
    if (this.#removed.has(id)) return false;
    if (turns.length) await this.#archive.put(conversation);
    // Its last exchange was removed: else it would be there again after a reload.
    else if (this.#summaries.some((one) => one.id === id)) await this.#archive.remove(id);
    else return false;
    return true;
  }

  /** One after another, so that what is older never takes the place of what is newer. */
  #inTurn(run: () => Promise<void>): Promise<void> {
    this.#writing = this.#writing.then(run);
    return this.#writing;
  }
}
