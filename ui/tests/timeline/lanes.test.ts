import { describe, expect, it } from 'vitest';

import type { StateChange } from '$lib/api/types';
import { costOf, isSwap, lanesOf, loadsOf, overlap, type Span } from '$lib/timeline/lanes';

const START = Date.parse('2026-01-31T12:00:00Z');
const at = (seconds: number) => new Date(START + seconds * 1000).toISOString();
const change = (
  seconds: number,
  model: string,
  state: StateChange['state'],
  reason: string | null = null,
): StateChange => ({ at: at(seconds), model, state, reason });

/** One model is loaded, then makes way for another one. */
const SWAP = [
  change(0, 'a', 'starting'),
  change(3, 'a', 'ready'),
  change(60, 'a', 'stopping', 'to make way for b'),
  change(62, 'a', 'stopped'),
  change(62, 'b', 'starting'),
  change(70, 'b', 'ready'),
];

function load(events: StateChange[], model: string): Span {
  const lane = lanesOf(events, [], []).find((one) => one.model === model);
  const item = lane?.items.find(({ kind }) => kind === 'loading');
  if (item?.kind !== 'loading') throw new Error('there is no load');
  return item;
}

describe('lanesOf', () => {
  it('makes a span of each state that takes time', () => {
    const [a] = lanesOf(SWAP, [], []);
    expect(a?.items.map(({ kind, from, to }) => [kind, from - START, (to ?? 0) - START])).toEqual([
      ['loading', 0, 3000],
      ['loaded', 3000, 60_000],
      ['stopping', 60_000, 62_000],
    ]);
  });

  it('leaves what goes on without an end', () => {
    const b = lanesOf(SWAP, [], [])[1];
    expect(b?.items.at(-1)).toMatchObject({ kind: 'loaded', to: null });
  });

  it('tells which models had to go for a load, and what that cost in all', () => {
    const swap = load(SWAP, 'b');
    expect(isSwap(swap)).toBe(true);
    expect(swap.evicted).toEqual([{ model: 'a', at: START + 60_000 }]);
    expect(costOf(swap, START)).toBe(10_000);
  });

  it('makes no swap of a load into an empty place', () => {
    expect(isSwap(load(SWAP, 'a'))).toBe(false);
  });

  it('gives a model that went to the first load after it only', () => {
    const again = [
      ...SWAP,
      change(80, 'b', 'stopping'),
      change(81, 'b', 'stopped'),
      change(90, 'b', 'starting'),
    ];
    const loads = loadsOf(lanesOf(again, [], []), START);
    expect(loads.map(({ model, evicted }) => [model, evicted.length])).toEqual([
      ['a', 0],
      ['b', 1],
      ['b', 0],
    ]);
  });

  it('does not take a model that never came for one that another went for', () => {
    const events = [
      change(0, 'a', 'stopping', 'to make way for b'),
      change(1, 'a', 'stopped'),
      change(1000, 'b', 'starting'),
    ];
    expect(load(events, 'b').evicted).toEqual([]);
  });

  it('marks a load that failed, with its reason, once', () => {
    const events = [
      change(0, 'a', 'starting'),
      change(2, 'a', 'stopping', 'exited with status 1'),
      change(3, 'a', 'stopped', 'exited with status 1'),
    ];
    const items = lanesOf(events, [], [])[0]?.items ?? [];
    expect(items[0]).toMatchObject({ outcome: 'failed', ended: 'exited with status 1' });
    expect(items.filter(({ kind }) => kind === 'failed')).toHaveLength(1);
  });

  it('does not call it a failure that a model made way while it loaded', () => {
    const events = [
      change(0, 'a', 'starting'),
      change(2, 'a', 'stopping', 'to make way for b'),
      change(3, 'a', 'stopped'),
    ];
    const items = lanesOf(events, [], [])[0]?.items ?? [];
    expect(items[0]).toMatchObject({ outcome: 'broken off' });
    expect(items.some(({ kind }) => kind === 'failed')).toBe(false);
  });

  it('puts lanes in the order of the models, those that are gone last', () => {
    const served = ['gone', 'a', 'b'].map((model) => ({ model, from: at(0), to: at(1) }));
    expect(lanesOf([], served, ['b', 'a']).map(({ model }) => model)).toEqual(['b', 'a', 'gone']);
  });

  it('makes no lane of a model that was down all the time', () => {
    expect(lanesOf([change(0, 'a', 'stopped')], [], ['a'])).toEqual([]);
  });

  it('takes a name with line breaks in a reason for what it is', () => {
    const events = [
      change(0, 'a', 'stopping', 'to make way for x\ny'),
      change(1, 'x\ny', 'starting'),
    ];
    expect(load(events, 'x\ny').evicted).toHaveLength(1);
  });
});

describe('overlap', () => {
  it('counts what is within only, to now where there is no end', () => {
    const others = [
      { from: 0, to: 15 },
      { from: 18, to: null },
    ];
    expect(overlap({ from: 10, to: null }, others, 20)).toBe(7);
  });
});
