import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { chat } from '$lib/playground/chat.svelte';
import { toasts } from '$lib/stores/toasts.svelte';
import type { Answer, Conversation, Summary, Turn } from '$lib/playground/types';

import { eventually } from '../patience';

/** What the browser keeps, for all of its tabs. */
const store = vi.hoisted(() => ({ kept: new Map<string, unknown>(), full: false, writes: 0 }));

vi.mock('$lib/playground/archive', () => ({
  Archive: class {
    list(): Promise<Summary[]> {
      const all = [...store.kept.values()] as Conversation[];
      return Promise.resolve(
        all.map(({ id, title, updated, turns }) => ({
          ...{ id, title, updated },
          ...{ turns: turns.length, size: 0 },
        })),
      );
    }

    get(id: string): Promise<Conversation | null> {
      const found = store.kept.get(id) as Conversation | undefined;
      return Promise.resolve(structuredClone(found) ?? null);
    }

    put(conversation: Conversation): Promise<void> {
      if (store.full) return Promise.reject(new Error('full'));
      store.writes++;
      store.kept.set(conversation.id, structuredClone(conversation));
      return Promise.resolve();
    }

    remove(id: string): Promise<void> {
      store.kept.delete(id);
      return Promise.resolve();
    }
  },
}));

/** This tab's end of what tabs tell each other. */
class Channel {
  static here: Channel;
  onmessage: (event: { data: unknown }) => void = () => undefined;
  readonly told: unknown[] = [];

  constructor() {
    Channel.here = this;
  }

  postMessage(data: unknown): void {
    this.told.push(data);
  }
}

const asked: AbortSignal[] = [];
const kept = () => store.kept.get(chat.conversation.id) as Conversation | undefined;
const texts = () => chat.conversation.turns.map(({ text }) => text);

/** A conversation with these questions, each answered with the same. */
function talk(id: string, ...questions: string[]): Conversation {
  const { title, updated, models, system, sampling } = chat.conversation;
  const turns = questions.map((text): Turn => {
    const answer: Answer = {
      ...{ model: 'a', state: 'done', text, reasoning: '' },
      ...{ problem: null, stats: null },
    };
    return { id: text, text, images: [], answers: [answer] };
  });
  return structuredClone({
    ...{ id, title, updated, system, turns },
    ...{ models: [...models], sampling: { ...sampling } },
  });
}

/** Another tab writes a conversation down, or removes it, and tells of it. */
function elsewhere(id: string, conversation: Conversation | null): void {
  if (conversation) store.kept.set(id, conversation);
  else store.kept.delete(id);
  Channel.here.onmessage({ data: id });
}

/** Whatever was told and was to be written is done with. */
const settled = () => chat.keep();

beforeEach(async () => {
  vi.stubGlobal('BroadcastChannel', Channel);
  asked.length = 0;
  vi.stubGlobal('fetch', (_: string, { signal }: { signal: AbortSignal }) => {
    asked.push(signal);
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(new DOMException('stopped', 'AbortError')));
    });
  });
  await chat.begin();
  chat.conversation.models = ['a'];
  store.full = false;
  store.kept.set('x', talk('x', 'q1'));
  await chat.open('x');
});

afterEach(async () => {
  chat.stop();
  await eventually(() => expect(chat.busy).toBe(false));
  chat.fresh();
  await settled();
  for (const { id } of toasts.all) toasts.dismiss(id);
  store.kept.clear();
  vi.unstubAllGlobals();
});

describe('a conversation that is open in two tabs', () => {
  it('is shown as the other has it, and is not written again for that', async () => {
    const before = store.writes;
    elsewhere('x', talk('x', 'q1', 'q2'));
    await eventually(() => expect(texts()).toEqual(['q1', 'q2']));
    expect(store.writes).toBe(before);
    expect(chat.conversation.id).toBe('x');
  });

  it('tells what has become of an answer, though no more was said', async () => {
    const [half, whole] = [talk('x', 'q1', 'q2'), talk('x', 'q1', 'q2')];
    const state = () => chat.conversation.turns[1]?.answers[0]?.state;
    Object.assign(half.turns[1]?.answers[0] ?? {}, { state: 'stopped' });
    elsewhere('x', half);
    await eventually(() => expect(state()).toBe('stopped'));
    elsewhere('x', whole);
    await eventually(() => expect(state()).toBe('done'));
  });

  it('is another one where both go on', async () => {
    chat.ask('mine');
    elsewhere('x', talk('x', 'q1', 'theirs'));
    await eventually(() => expect(chat.conversation.id).not.toBe('x'));
    expect(texts()).toEqual(['q1', 'mine']);
    expect(toasts.all.at(-1)?.text).toContain('Another tab goes on');
    await settled();
    expect((store.kept.get('x') as Conversation).turns[1]?.text).toBe('theirs');
    expect(kept()?.turns[1]?.text).toBe('mine');
  });

  it('keeps what could not be written down', async () => {
    store.full = true;
    chat.removeTurn('q1');
    chat.ask('mine');
    chat.stop();
    await eventually(() => expect(chat.busy).toBe(false));
    await eventually(() => expect(chat.unkept).toContain('full'));
    elsewhere('x', talk('x', 'q1', 'theirs'));
    await eventually(() => expect(chat.conversation.id).not.toBe('x'));
    expect(texts()).toEqual(['mine']);
  });

  it('is the same where only settings were changed here', async () => {
    chat.conversation.system = 'Be brief';
    chat.changed();
    chat.conversation.system = 'Be very brief';
    chat.changed();
    elsewhere('x', talk('x', 'q1', 'q2'));
    await eventually(() => expect(texts()).toEqual(['q1', 'q2']));
    expect(chat.conversation).toMatchObject({ id: 'x', system: 'Be very brief' });
  });

  it('is shown no longer where the other has removed it, and does not come back', async () => {
    elsewhere('x', null);
    await eventually(() => expect(texts()).toEqual([]));
    expect(toasts.all.at(-1)?.text).toContain('removed in another tab');
    chat.changed();
    await settled();
    expect(store.kept.size).toBe(0);
  });

  it('goes on here where the other has removed it meanwhile', async () => {
    chat.ask('mine');
    await settled();
    elsewhere('x', null);
    await settled();
    expect(texts()).toEqual(['q1', 'mine']);
    expect(kept()?.turns).toHaveLength(2);
  });
});

describe('an answer that is had again', () => {
  it('is kept as it was until there is another', async () => {
    chat.regenerate('q1', 0);
    await settled();
    expect(chat.conversation.turns[0]?.answers[0]?.text).toBe('');
    expect(kept()?.turns[0]?.answers[0]?.text).toBe('q1');
  });
});
