/**
 * The conversations that the browser keeps, in IndexedDB: so many, and so much of them.
 */

import { conversationOf } from './transfer';
import type { Conversation, Summary } from './types';

const NAME = 'llamaswap';
const CONVERSATIONS = 'conversations';
const SUMMARIES = 'summaries';

/** How much is kept: conversations, and characters of them all. */
export const BOUNDS = { count: 200, size: 100_000_000 };

export function summaryOf(conversation: Conversation): Summary {
  let size = 500;
  for (const turn of conversation.turns) {
    size += turn.text.length + 200;
    for (const image of turn.images) size += image.length;
    for (const answer of turn.answers) {
      if (answer) size += answer.text.length + answer.reasoning.length + 500;
    }
  }
  const { id, title, updated, turns } = conversation;
  return { id, title, updated, turns: turns.length, size };
}

/** What was kept as one: an older page may have written it, or a model's own page, which is of
 *  the same origin. */
export function keptSummary(value: unknown): Summary {
  const { id, title, updated, turns, size } = value as Record<keyof Summary, unknown>;
  const number = (given: unknown) => (Number.isFinite(given) ? Number(given) : 0);
  return {
    id: String(id),
    title: typeof title === 'string' ? title : '',
    updated: number(updated),
    turns: number(turns),
    size: number(size),
  };
}

/**
 * Which conversations have to go: the oldest, until the rest is within the bounds.
 *
 * @param keep the one that is being written, which stays in any case.
 */
export function toDrop(summaries: Summary[], keep: string, bounds = BOUNDS): string[] {
  const oldestFirst = summaries
    .filter(({ id }) => id !== keep)
    .sort((a, b) => a.updated - b.updated);
  let count = summaries.length;
  let size = summaries.reduce((total, one) => total + one.size, 0);
  const dropped: string[] = [];
  for (const one of oldestFirst) {
    if (count <= bounds.count && size <= bounds.size) break;
    dropped.push(one.id);
    count--;
    size -= one.size;
  }
  return dropped;
}

/** What a request of IndexedDB comes to. */
function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('the browser keeps nothing'));
  });
}

function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = transaction.onerror = () =>
      reject(transaction.error ?? new Error('the browser keeps nothing'));
  });
}

/** Whether this page has forgotten them: what it still knows is not written again. */
let forgotten = false;

/** Have the browser forget all of them, for every tab; the page is to be opened anew. */
export async function forgetConversations(): Promise<void> {
  forgotten = true;
  await done(indexedDB.deleteDatabase(NAME));
}

/**
 * The browser's store; all of it fails where the browser has none, as some do in private
 * windows.
 */
export class Archive {
  #opened: Promise<IDBDatabase> | null = null;

  #open(): Promise<IDBDatabase> {
    this.#opened ??= this.#connect().catch((e: unknown) => {
      this.#opened = null;
      throw e;
    });
    return this.#opened;
  }

  async #connect(): Promise<IDBDatabase> {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(CONVERSATIONS, { keyPath: 'id' });
      request.result.createObjectStore(SUMMARIES, { keyPath: 'id' });
    };
    const database = await done(request);
    // A newer page in another tab is not to wait for this one.
    database.onversionchange = () => {
      database.close();
      this.#opened = null;
    };
    database.onclose = () => (this.#opened = null);
    return database;
  }

  /** The newest first. */
  async list(): Promise<Summary[]> {
    const database = await this.#open();
    const store = database.transaction(SUMMARIES).objectStore(SUMMARIES);
    const all = await done<unknown[]>(store.getAll());
    return all.map(keptSummary).sort((a, b) => b.updated - a.updated);
  }

  async get(id: string): Promise<Conversation | null> {
    const database = await this.#open();
    const store = database.transaction(CONVERSATIONS).objectStore(CONVERSATIONS);
    return conversationOf(await done<unknown>(store.get(id)));
  }

  async put(conversation: Conversation): Promise<void> {
    if (forgotten) return;
    const database = await this.#open();
    const transaction = database.transaction([CONVERSATIONS, SUMMARIES], 'readwrite');
    transaction.objectStore(CONVERSATIONS).put(conversation);
    transaction.objectStore(SUMMARIES).put(summaryOf(conversation));
    // Else it would be undone where the page is left before it hears of that.
    transaction.commit();
    await committed(transaction);
    for (const id of toDrop(await this.list(), conversation.id)) await this.remove(id);
  }

  async remove(id: string): Promise<void> {
    const database = await this.#open();
    const transaction = database.transaction([CONVERSATIONS, SUMMARIES], 'readwrite');
    transaction.objectStore(CONVERSATIONS).delete(id);
    transaction.objectStore(SUMMARIES).delete(id);
    transaction.commit();
    await committed(transaction);
  }
}
