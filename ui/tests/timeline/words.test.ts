import { describe, expect, it } from 'vitest';

import { lanesOf } from '$lib/timeline/lanes';
import { linesOf, sentenceOf, summaryOf, whatOf } from '$lib/timeline/words';

const START = Date.parse('2026-01-31T12:00:00Z');
const at = (seconds: number) => new Date(START + seconds * 1000).toISOString();
const NOW = START + 100_000;

const lanes = lanesOf(
  [
    { at: at(0), model: 'a', state: 'starting', reason: null },
    { at: at(3), model: 'a', state: 'ready', reason: null },
    { at: at(60), model: 'a', state: 'stopping', reason: 'to make way for b' },
    { at: at(62), model: 'a', state: 'stopped', reason: null },
    { at: at(62), model: 'b', state: 'starting', reason: null },
    { at: at(70), model: 'b', state: 'stopped', reason: 'out of memory' },
  ],
  [{ model: 'a', from: at(3), to: at(31.5) }],
  ['a', 'b'],
);
const [a, b] = lanes;

function said(lane: typeof a, item: number): string[] {
  const one = lane?.items[item];
  return lane && one ? linesOf(one, lane, NOW) : [];
}

describe('the timeline in words', () => {
  it('tells what a load took', () => {
    expect(said(a, 0)).toEqual(['Took 3.00 s']);
  });

  it('tells how much of its time a model served, and why it went', () => {
    expect(said(a, 1)).toEqual([
      'For 57.0 s',
      'Served for 28.5 s of it, 50 %',
      'Ended to make way for b',
    ]);
  });

  it('tells of a swap whose place it took, its whole cost, and why it failed', () => {
    expect(said(b, 0)).toEqual([
      'Took 8.00 s',
      'In place of a',
      'The swap cost 10.0 s in all',
      'out of memory',
    ]);
    const load = b?.items[0];
    expect(load && whatOf(load)).toBe('Failed load');
  });

  it('makes one sentence for those who hear it', () => {
    const item = a?.items[0];
    expect(a && item && sentenceOf(item, a, NOW)).toMatch(/^a: Load\. .* to .*\. Took 3\.00 s$/);
  });

  it('sums up what the picture shows', () => {
    expect(summaryOf(lanes, START)).toBe('2 models, 2 loads, 1 swap among them, 1 failure');
  });
});
