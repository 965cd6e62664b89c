/**
 * From times to places on the screen, and what is left to draw there.
 */

import type { Item, Lane, Stretch } from './lanes';

/** What can be looked at, in minutes. */
export const WINDOWS = [60, 30, 15, 5] as const;
export type Minutes = (typeof WINDOWS)[number];

export function windowOf(text: string | null): Minutes {
  return WINDOWS.find((one) => String(one) === text) ?? 60;
}

/**
 * Put together what would be drawn without a gap: an hour of short requests is a few
 * hundred rectangles at most, however many they were.
 *
 * @param stretches by their beginnings.
 * @param gap the shortest that is drawn, in milliseconds.
 */
export function coalesced(stretches: readonly Stretch[], gap: number): Stretch[] {
  const joined: Stretch[] = [];
  for (const { from, to } of stretches) {
    const last = joined.at(-1);
    if (last && (last.to === null || from - last.to < gap)) {
      if (last.to !== null) last.to = to === null ? null : Math.max(last.to, to);
    } else {
      joined.push({ from, to });
    }
  }
  return joined;
}

/**
 * The moments to name on the axis: whole minutes of the clock.
 *
 * @param width in pixels.
 */
export function ticks(since: number, now: number, width: number): number[] {
  const room = Math.max(2, Math.floor(width / 90));
  const minutes = (now - since) / 60_000;
  const step = [1, 2, 5, 10, 15, 30].find((one) => minutes / one <= room) ?? 60;
  // Of the clock on the wall, which is not everywhere whole hours from Greenwich.
  const offset = new Date(now).getTimezoneOffset() * 60_000;
  const every = step * 60_000;
  const found: number[] = [];
  for (let at = Math.ceil((since - offset) / every) * every + offset; at <= now; at += every) {
    found.push(at);
  }
  return found;
}

/** Which counts where several are at one place: the one that is easiest to miss. */
const RANK: Record<Item['kind'], number> = { failed: 0, loading: 1, stopping: 2, loaded: 3 };

/**
 * What is at a moment of a lane.
 *
 * @param tolerance in milliseconds: what is short must be easy to hit.
 */
export function itemAt(
  { items }: Lane,
  time: number,
  tolerance: number,
  now: number,
): Item | undefined {
  let best: Item | undefined;
  let key = Infinity;
  for (const item of items) {
    const away = Math.max(item.from - time, time - (item.to ?? now), 0);
    if (away > tolerance) continue;
    // What is only near counts after what is there, but what is tiny counts as there.
    const tiny = (item.to ?? now) - item.from < tolerance;
    const value = RANK[item.kind] + (away > 0 && !tiny ? 10 + away / tolerance : 0);
    if (value < key) {
      key = value;
      best = item;
    }
  }
  return best;
}

/** Labels that do not cover each other: of two that would, the first stays. */
export function spaced<T>(all: readonly T[], at: (one: T) => number, room: number): T[] {
  let last = -Infinity;
  return all.filter((one) => {
    if (at(one) - last < room) return false;
    last = at(one);
    return true;
  });
}

/** Where the keyboard goes from an item. */
export interface Place {
  lane: number;
  item: number;
}

/**
 * @param from null where nothing is chosen yet: then it is the newest of the first lane.
 * @returns null for a key that leads nowhere.
 */
export function moved(lanes: readonly Lane[], from: Place | null, key: string): Place | null {
  const usable = lanes.filter(({ items }) => items.length);
  if (!usable.length) return null;
  const last = (lane: number): Place => ({ lane, item: (lanes[lane]?.items.length ?? 1) - 1 });
  const firstLane = lanes.findIndex(({ items }) => items.length);
  if (!from || !lanes[from.lane]?.items[from.item]) {
    return /^(Arrow(Left|Right|Up|Down)|Home|End)$/.test(key) ? last(firstLane) : null;
  }
  const count = lanes[from.lane]?.items.length ?? 0;
  switch (key) {
    case 'ArrowLeft':
      return { ...from, item: Math.max(0, from.item - 1) };
    case 'ArrowRight':
      return { ...from, item: Math.min(count - 1, from.item + 1) };
    case 'Home':
      return { ...from, item: 0 };
    case 'End':
      return last(from.lane);
    case 'ArrowUp':
    case 'ArrowDown': {
      const step = key === 'ArrowUp' ? -1 : 1;
      let lane = from.lane + step;
      while (lanes[lane] && !lanes[lane]?.items.length) lane += step;
      const there = lanes[lane];
      if (!there) return from;
      const time = lanes[from.lane]?.items[from.item]?.from ?? 0;
      return { lane, item: nearest(there.items, time) };
    }
    default:
      return null;
  }
}

function nearest(items: readonly Item[], time: number): number {
  let best = 0;
  items.forEach((item, i) => {
    const before = items[best];
    if (before && Math.abs(item.from - time) < Math.abs(before.from - time)) best = i;
  });
  return best;
}
