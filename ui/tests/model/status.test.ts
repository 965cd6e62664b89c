import { describe, expect, it } from 'vitest';

import type { Failure, ModelStatus, Waiting } from '$lib/api/types';
import {
  briefly,
  isActive,
  lastLines,
  memoryOf,
  retryText,
  unloadsIn,
  waitsFor,
} from '$lib/model/status';

import { START, status } from '../rows';

const iso = (seconds: number) => new Date(START + seconds * 1000).toISOString();
const failure = (retry_at: string | null): Failure => ({
  message: 'exited',
  code: 'model_failed',
  at: iso(0),
  retry_at,
  log: '',
});
const waiting = (more: Partial<Waiting>): Waiting => ({
  id: '1',
  model: 'a',
  since: iso(0),
  position: 1,
  behind: [],
  ...more,
});

describe('unloadsIn', () => {
  it('counts down, and not below nothing', () => {
    const model = status('a', { state: 'ready', ttl: 90, unload_at: iso(90) });
    expect(unloadsIn(model, START + 20_000)).toBe('1 min 10 s');
    expect(unloadsIn(model, START + 200_000)).toBe('0 s');
  });

  it('tells a model that is in use from one that stays', () => {
    expect(unloadsIn(status('a', { state: 'ready', ttl: 90 }), START)).toBe('in use');
    expect(unloadsIn(status('a', { state: 'ready', ttl: 0 }), START)).toBe('never');
    expect(unloadsIn(status('a', { ttl: 90 }), START)).toBe('–');
  });
});

describe('retryText', () => {
  it('tells when requests try again, and that they do', () => {
    expect(retryText(failure(iso(30)), START)).toContain('in 30 s');
    expect(retryText(failure(iso(30)), START + 31_000)).toBe('The next request tries again.');
    expect(retryText(failure(null), START)).toBe('The next request tries again.');
  });
});

describe('waitsFor', () => {
  const models: Record<string, ModelStatus> = {
    a: status('a'),
    b: status('b', { state: 'ready', in_flight: 2 }),
    loading: status('loading', { state: 'starting' }),
    full: status('full', { state: 'ready', in_flight: 4 }),
    going: status('going', { state: 'stopping' }),
  };
  const why = (more: Partial<Waiting>) => waitsFor(waiting(more), (id) => models[id]);

  it('names the models that are in the way', () => {
    expect(why({ behind: ['b', 'a'] })).toEqual({ text: 'behind', models: ['b'] });
  });

  it('says what its own model is about where no other is in the way', () => {
    expect(why({ model: 'loading', position: 0 }).text).toBe('until it is loaded');
    expect(why({ model: 'full', behind: ['full'] }).text).toBe('for a free slot of it');
    expect(why({ model: 'going', behind: ['going'] }).text).toContain('until it has stopped');
    expect(why({}).text).toBe('for its turn');
    expect(why({ model: 'unknown', position: 0 }).text).toBe('until it is loaded');
  });

  it('says what the one in the way is about', () => {
    expect(briefly(models['b'])).toBe('2 in flight');
    expect(briefly(models['loading'])).toBe('loading');
    expect(briefly(undefined)).toBe('');
  });
});

describe('isActive', () => {
  it('is so for all of which something is to be seen', () => {
    expect(isActive(status('a'))).toBe(false);
    expect(isActive(status('a', { state: 'ready' }))).toBe(true);
    expect(isActive(status('a', { waiting: 1 }))).toBe(true);
    expect(isActive(status('a', { failure: failure(null) }))).toBe(true);
  });
});

describe('memoryOf', () => {
  it('shows none of a model that is down', () => {
    expect(memoryOf(status('a', { memory_bytes: 7 }))).toBeNull();
    expect(memoryOf(status('a', { state: 'ready', memory_bytes: 7 }))).toBe(7);
  });
});

describe('lastLines', () => {
  it('leaves out empty ones at either end, and keeps the indentation', () => {
    expect(lastLines('\n\n  a\n\nb\n\n')).toEqual(['  a', '', 'b']);
    expect(lastLines(' \n')).toEqual([]);
  });
});
