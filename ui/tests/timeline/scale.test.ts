import { describe, expect, it } from 'vitest';

import type { Item, Lane } from '$lib/timeline/lanes';
import { coalesced, itemAt, moved, spaced, ticks, windowOf } from '$lib/timeline/scale';

const span = (kind: 'loading' | 'loaded' | 'stopping', from: number, to: number | null): Item => ({
  kind,
  model: 'a',
  from,
  to,
  ended: null,
  outcome: null,
  evicted: [],
});
const lane = (model: string, items: Item[]): Lane => ({ model, items, served: [] });

describe('coalesced', () => {
  it('joins what is nearer than the gap, and nothing else', () => {
    const all = [
      { from: 0, to: 10 },
      { from: 12, to: 20 },
      { from: 40, to: null },
    ];
    expect(coalesced(all, 5)).toEqual([
      { from: 0, to: 20 },
      { from: 40, to: null },
    ]);
  });

  it('leaves a stretch without an end open whatever comes after', () => {
    const all = [
      { from: 0, to: null },
      { from: 5, to: 6 },
    ];
    expect(coalesced(all, 1)).toEqual([{ from: 0, to: null }]);
  });

  it('draws an hour of short requests as no more than fit', () => {
    const all = Array.from({ length: 100_000 }, (_, i) => ({ from: i * 36, to: i * 36 + 1 }));
    expect(coalesced(all, 5400)).toHaveLength(1);
  });

  it('changes nothing of what it was given', () => {
    const all = [
      { from: 0, to: 1 },
      { from: 1, to: 2 },
    ];
    coalesced(all, 5);
    expect(all[0]).toEqual({ from: 0, to: 1 });
  });
});

describe('ticks', () => {
  it('names whole steps of the clock, within the window', () => {
    const now = Date.parse('2026-01-31T12:07:30Z');
    const found = ticks(now - 3_600_000, now, 900);
    expect(found.length).toBeGreaterThan(3);
    for (const one of found) {
      expect(one % 600_000).toBe(0);
      expect(one).toBeLessThanOrEqual(now);
    }
  });

  it('names fewer where there is less room', () => {
    const now = Date.parse('2026-01-31T12:07:30Z');
    expect(ticks(now - 3_600_000, now, 200).length).toBeLessThanOrEqual(3);
  });
});

describe('itemAt', () => {
  const items = [span('loading', 0, 10), span('loaded', 10, 100)];

  it('finds what is there', () => {
    expect(itemAt(lane('a', items), 50, 5, 100)?.kind).toBe('loaded');
  });

  it('finds what is too short to hit before what is beside it', () => {
    const short = [span('loading', 48, 49), span('loaded', 49, 100)];
    expect(itemAt(lane('a', short), 52, 5, 100)?.kind).toBe('loading');
  });

  it('finds nothing in a gap', () => {
    expect(itemAt(lane('a', items), 200, 5, 100)).toBeUndefined();
  });
});

describe('moved', () => {
  const lanes = [
    lane('a', [span('loading', 0, 1), span('loaded', 1, 9)]),
    lane('empty', []),
    lane('b', [span('loading', 5, 6), span('loaded', 50, null)]),
  ];

  it('begins with the newest of the first lane', () => {
    expect(moved(lanes, null, 'ArrowLeft')).toEqual({ lane: 0, item: 1 });
  });

  it('goes along a lane and stays at its ends', () => {
    expect(moved(lanes, { lane: 0, item: 1 }, 'ArrowLeft')).toEqual({ lane: 0, item: 0 });
    expect(moved(lanes, { lane: 0, item: 0 }, 'ArrowLeft')).toEqual({ lane: 0, item: 0 });
    expect(moved(lanes, { lane: 0, item: 0 }, 'End')).toEqual({ lane: 0, item: 1 });
  });

  it('goes to what is nearest in time of the next lane that has any', () => {
    expect(moved(lanes, { lane: 0, item: 1 }, 'ArrowDown')).toEqual({ lane: 2, item: 0 });
    expect(moved(lanes, { lane: 2, item: 1 }, 'ArrowUp')).toEqual({ lane: 0, item: 1 });
  });

  it('leaves other keys to the browser', () => {
    expect(moved(lanes, { lane: 0, item: 1 }, 'Tab')).toBeNull();
    expect(moved([], null, 'ArrowLeft')).toBeNull();
  });
});

describe('spaced', () => {
  it('leaves out labels that would cover one before', () => {
    expect(spaced([0, 10, 45, 60, 90], (one) => one, 40)).toEqual([0, 45, 90]);
  });
});

describe('windowOf', () => {
  it('is the hour for whatever a link may say', () => {
    expect(windowOf('5')).toBe(5);
    expect(windowOf('7')).toBe(60);
    expect(windowOf(null)).toBe(60);
  });
});
