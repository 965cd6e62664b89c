import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { InflightEntry, ModelStatus } from '$lib/api/types';
import { queryOf, viewOf } from '$lib/activity/view';
import { Draft } from '$lib/playground/draft.svelte';
import { seconds, serverNow, setSkew } from '$lib/stores/clock.svelte';
import { perFrame, throttled } from '$lib/stores/frame';
import { inflight } from '$lib/stores/inflight.svelte';
import { models, shownState } from '$lib/stores/models.svelte';
import { Persisted } from '$lib/stores/persisted.svelte';
import { profiles } from '$lib/stores/profiles.svelte';
import { queue } from '$lib/stores/queue.svelte';
import { merge } from '$lib/stores/timeline.svelte';
import { toasts } from '$lib/stores/toasts.svelte';

function model(id: string, more: Partial<ModelStatus> = {}): ModelStatus {
  return {
    ...{ id, name: id, description: '', state: 'stopped', unlisted: false, peerID: '' },
    aliases: [],
    ...more,
  } as ModelStatus;
}

function entry(id: string, of: string): InflightEntry {
  return { id, model: of } as InflightEntry;
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('models', () => {
  it('are found by id and by alias, and told apart', () => {
    models.replace([
      model('a', { aliases: ['x'] }),
      model('hidden', { unlisted: true }),
      model('far/b', { peerID: 'far' }),
    ]);
    expect(models.find('x')?.id).toBe('a');
    expect(models.find('hidden')?.id).toBe('hidden');
    expect(models.find('none')).toBeUndefined();
    expect(models.own.map(({ id }) => id)).toEqual(['a']);
    expect(models.listed.map(({ id }) => id)).toEqual(['a', 'far/b']);
  });

  it('have failed when they are stopped with a failure, not while they try again', () => {
    const failure = { message: 'x', code: '', at: '', retry_at: null, log: '' };
    expect(shownState(model('a', { failure }))).toBe('failed');
    expect(shownState(model('a', { failure, state: 'starting' }))).toBe('starting');
    expect(shownState(model('a', { failure: null }))).toBe('stopped');
  });
});

describe('profiles', () => {
  /** What is asked of the daemon, to be answered by hand. */
  let asked: ((active: string | null, ids?: string[]) => Promise<void>)[];

  beforeEach(() => {
    asked = [];
    const fetch = () =>
      new Promise<Response>((resolve) =>
        asked.push(async (active, ids = ['day', 'night']) => {
          const list = ids.map((id) => ({ id, description: '', pins: {} }));
          resolve(Response.json({ active, profiles: list }));
          await vi.runAllTimersAsync();
        }),
      );
    vi.stubGlobal('fetch', fetch);
  });

  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it('are what the daemon says', async () => {
    void profiles.refresh();
    await asked[0]?.('day');
    expect(profiles.active).toBe('day');
    expect(profiles.all.map(({ id }) => id)).toEqual(['day', 'night']);
  });

  it('stay switched when the answer is older than the switch', async () => {
    void profiles.refresh();
    profiles.changed('night');
    await asked[0]?.(null);
    expect(profiles.active).toBe('night');
    expect(profiles.all).toHaveLength(2);
  });

  it('stay what was switched later, though the answer to a switch comes after that', async () => {
    const switching = profiles.activate('day');
    profiles.changed('day');
    profiles.changed('night');
    await asked[0]?.(null);
    await switching;
    expect(profiles.active).toBe('night');
  });

  it('are switched by the answer where no event tells of it', async () => {
    const switching = profiles.activate('day');
    await asked[0]?.(null);
    await switching;
    expect(profiles.active).toBe('day');
  });

  it('are those of the answer that was asked for last', async () => {
    void profiles.refresh();
    void profiles.refresh();
    await asked[1]?.('day', ['day']);
    await asked[0]?.(null, []);
    expect(profiles.active).toBe('day');
    expect(profiles.all).toHaveLength(1);
  });
});

describe('requests in flight', () => {
  it('are what the events say', () => {
    inflight.apply({ operation: 'snapshot', requests: [entry('1', 'a'), entry('2', 'b')] });
    inflight.apply({ operation: 'upsert', request: entry('3', 'a') });
    inflight.apply({ operation: 'remove', id: '2' });
    inflight.apply({ operation: 'remove', id: 'never there' });
    vi.runAllTimers();
    expect(inflight.all.map(({ id }) => id)).toEqual(['1', '3']);
    expect(inflight.of('a').length).toBe(2);
    expect(inflight.of('b')).toEqual([]);
    expect(inflight.of('b', 'a').map(({ id }) => id)).toEqual(['1', '3']);
    inflight.apply({ operation: 'snapshot', requests: [] });
    vi.runAllTimers();
    expect(inflight.all).toEqual([]);
  });
});

describe('the queue', () => {
  it('is known by model', () => {
    const one = { id: '1', model: 'a', since: '', position: 1, behind: [] };
    queue.replace([one]);
    expect(queue.of('a')).toEqual([one]);
    queue.replace([]);
    expect(queue.of('a')).toEqual([]);
  });

  it('has a total, whether the daemon tells it or not', () => {
    const one = { id: '1', model: 'a', since: '', position: 1, behind: [] };
    queue.replace([one]);
    expect([queue.total, queue.isWhole]).toEqual([1, true]);
    queue.replace([one], 7);
    expect([queue.total, queue.isWhole]).toEqual([7, false]);
  });
});

describe('the timeline', () => {
  it('takes the later word for the same thing', () => {
    const known = [{ key: 1, to: null as string | null }];
    const news = [
      { key: 1, to: 'end' },
      { key: 2, to: null },
    ];
    expect(merge(known, news, ({ key }) => String(key))).toEqual(news);
  });
});

describe('what the browser keeps', () => {
  const isNumber = (value: unknown) => typeof value === 'number';

  it('comes back', () => {
    new Persisted('test', 1, isNumber).value = 7;
    expect(new Persisted('test', 1, isNumber).value).toBe(7);
  });

  it('is not taken where it is not of the type', () => {
    for (const text of ['"x"', '{', 'null']) {
      localStorage.setItem('llamaswap.test', text);
      expect(new Persisted('test', 1, isNumber).value).toBe(1);
    }
  });

  it('follows other tabs', () => {
    const kept = new Persisted('test', 1, isNumber);
    localStorage.setItem('llamaswap.test', '9');
    dispatchEvent(new StorageEvent('storage', { key: 'llamaswap.test' }));
    expect(kept.value).toBe(9);
  });
});

describe('what is being written', () => {
  it('comes back', () => {
    const draft = new Draft('test', 'as it begins');
    expect(draft.text).toBe('as it begins');
    draft.text = '';
    expect(new Draft('test', 'as it begins').text).toBe('');
  });

  it('is there also where the browser keeps nothing', () => {
    vi.spyOn(Storage.prototype, 'getItem').mockImplementation(() => {
      throw new DOMException('blocked', 'SecurityError');
    });
    vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
      throw new DOMException('full', 'QuotaExceededError');
    });
    const draft = new Draft('test');
    draft.text = 'written';
    expect(draft.text).toBe('written');
  });
});

describe("the server's clock", () => {
  afterEach(() => setSkew(0));

  it('is that of the hour, and of what is asked by time', () => {
    const ahead = 7_200_000;
    setSkew(ahead);
    expect(serverNow() - Date.now()).toBe(ahead);
    expect(seconds.now - Date.now()).toBe(ahead);
    const { start } = queryOf(viewOf(new URLSearchParams('span=15m')));
    expect(Date.parse(start ?? '')).toBe(Date.now() + ahead - 15 * 60_000);
  });

  it('does not change with the way that an answer takes', () => {
    setSkew(1000);
    expect(serverNow()).toBe(Date.now());
    setSkew(5000);
    setSkew(5600);
    expect(serverNow()).toBe(Date.now() + 5000);
    setSkew(300);
    expect(serverNow()).toBe(Date.now());
  });
});

describe('toasts', () => {
  it('go by themselves, failures later, and are never many', () => {
    toasts.show('hello');
    toasts.error(new Error('no'), 'Loading a');
    expect(toasts.all.map(({ text }) => text)).toEqual(['hello', 'Loading a: no']);
    vi.advanceTimersByTime(6000);
    expect(toasts.all.map(({ kind }) => kind)).toEqual(['error']);
    vi.advanceTimersByTime(10_000);
    expect(toasts.all).toEqual([]);
    for (let i = 0; i < 20; i++) toasts.show(`n ${i}`);
    toasts.show('n 19');
    expect(toasts.all.map(({ text }) => text)).toEqual(['n 16', 'n 17', 'n 18', 'n 19']);
    vi.runAllTimers();
  });
});

describe('changes that come fast', () => {
  it('are shown once a frame', () => {
    const run = vi.fn();
    const soon = perFrame(run);
    for (let i = 0; i < 100; i++) soon();
    expect(run).not.toHaveBeenCalled();
    vi.runAllTimers();
    expect(run).toHaveBeenCalledTimes(1);
    soon();
    vi.runAllTimers();
    expect(run).toHaveBeenCalledTimes(2);
  });

  it('are fetched at once, then no more often than may be, and the last is made up for', () => {
    const run = vi.fn();
    const often = throttled(run, 1000);
    often();
    expect(run).toHaveBeenCalledTimes(1);
    for (let i = 0; i < 100; i++) often();
    expect(run).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1000);
    expect(run).toHaveBeenCalledTimes(2);
    vi.advanceTimersByTime(5000);
    expect(run).toHaveBeenCalledTimes(2);
  });

  it('are not held back by a clock that is set back', () => {
    const run = vi.fn();
    const often = throttled(run, 1000);
    often();
    vi.setSystemTime(Date.now() - 3_600_000);
    often();
    vi.advanceTimersByTime(1000);
    expect(run).toHaveBeenCalledTimes(2);
  });

  it('are shown too where the tab was hidden before the frame that they waited for', () => {
    vi.stubGlobal('requestAnimationFrame', () => 1);
    const run = vi.fn();
    const soon = perFrame(run);
    soon();
    vi.runAllTimers();
    expect(run).toHaveBeenCalledTimes(1);
    vi.unstubAllGlobals();
  });
});
