/**
 * The last hour as lanes: what each model was doing when, which of them had to go for
 * which, and what that cost.
 *
 * Times are milliseconds since the epoch. An end that is null is not there yet.
 */

import type { Served, StateChange } from '../api/types';
import { groupBy } from '../group';

export type SpanKind = 'loading' | 'loaded' | 'stopping';

/** How a load ended; null while it goes on. */
export type Outcome = 'ready' | 'failed' | 'broken off';

/** A model that was put out for another one. */
export interface Eviction {
  model: string;
  /** When it was told to go. */
  at: number;
}

/** A time in which a model was in one state. */
export interface Span {
  kind: SpanKind;
  model: string;
  from: number;
  to: number | null;
  /** Why it ended, where that is known. */
  ended: string | null;
  /** Of a load. */
  outcome: Outcome | null;
  /** Of a load: the models that had to go for it. */
  evicted: Eviction[];
}

/** A moment at which a model went down though nobody asked for it. */
export interface Failed {
  kind: 'failed';
  model: string;
  from: number;
  to: number;
  ended: string;
}

export type Item = Span | Failed;

export interface Stretch {
  from: number;
  to: number | null;
}

export interface Lane {
  model: string;
  /** By their beginnings. */
  items: Item[];
  served: Stretch[];
}

/** What the daemon says of a model that goes for another one. */
const WAY = /^to make way for (.+)$/s;

/** A model that was told to go and has not come up by then did not go for this load. */
const PATIENCE = 600_000;

/**
 * @param order models as they are to be shown; others come after them.
 * @returns a lane for each model of which something is known, in that order.
 */
export function lanesOf(
  events: readonly StateChange[],
  served: readonly Served[],
  order: readonly string[],
): Lane[] {
  const lanes = new Map<string, Lane>();
  const lane = (model: string): Lane => {
    let found = lanes.get(model);
    if (!found) lanes.set(model, (found = { model, items: [], served: [] }));
    return found;
  };
  for (const [model, changes] of groupBy(events, (one) => one.model)) {
    const items = itemsOf(model, changes);
    if (items.length) lane(model).items = items;
  }
  for (const { model, from, to } of served) {
    lane(model).served.push({ from: Date.parse(from), to: to === null ? null : Date.parse(to) });
  }
  for (const one of lanes.values()) one.served.sort((a, b) => a.from - b.from);
  pair(events, lanes);
  const rank = new Map(order.map((model, i) => [model, i]));
  const place = ({ model }: Lane) => rank.get(model) ?? order.length;
  return [...lanes.values()].sort((a, b) => place(a) - place(b) || (a.model < b.model ? -1 : 1));
}

function itemsOf(model: string, changes: StateChange[]): Item[] {
  const sorted = changes
    .map((change) => ({ ...change, time: Date.parse(change.at) }))
    .sort((a, b) => a.time - b.time);
  const items: Item[] = [];
  sorted.forEach((change, i) => {
    const { state, time: from, reason } = change;
    const next = sorted[i + 1];
    const to = next?.time ?? null;
    const ended = next?.reason ?? null;
    const common = { model, from, to, ended, evicted: [] };
    if (state === 'starting') {
      items.push({ ...common, kind: 'loading', outcome: next ? outcomeOf(next) : null });
    } else if (state === 'ready') {
      items.push({ ...common, kind: 'loaded', outcome: null });
    } else if (state === 'stopping') {
      items.push({ ...common, kind: 'stopping', outcome: null });
    }
    // Of a crash the state after it bears the reason; on the way down it stands twice.
    const before = sorted[i - 1];
    if (state !== 'ready' && state !== 'starting' && reason && !WAY.test(reason)) {
      if (before?.state === 'stopping' && before.reason === reason) return;
      items.push({ kind: 'failed', model, from, to: from, ended: reason });
    }
  });
  return items;
}

function outcomeOf({ state, reason }: StateChange): Outcome {
  if (state === 'ready') return 'ready';
  return reason && !WAY.test(reason) ? 'failed' : 'broken off';
}

/** Give each load the models that had to go for it. */
function pair(events: readonly StateChange[], lanes: Map<string, Lane>): void {
  for (const { at, model, reason } of events) {
    const target = reason === null ? null : WAY.exec(reason)?.[1];
    if (!target) continue;
    const time = Date.parse(at);
    const load = lanes
      .get(target)
      ?.items.find(
        (item): item is Span =>
          item.kind === 'loading' && item.from >= time && item.from - time < PATIENCE,
      );
    if (load && !load.evicted.some((one) => one.model === model)) {
      load.evicted.push({ model, at: time });
    }
  }
}

/** Whether a load put others out. */
export function isSwap(item: Item): item is Span & { kind: 'loading' } {
  return item.kind === 'loading' && item.evicted.length > 0;
}

/** When a load began to cost: with the first model that had to go for it. */
export function costFrom(load: Span): number {
  return Math.min(load.from, ...load.evicted.map(({ at }) => at));
}

/** What a load cost, in milliseconds, those that had to go included. */
export function costOf(load: Span, now: number): number {
  return Math.max(0, (load.to ?? now) - costFrom(load));
}

/** The loads of all lanes since a moment, the oldest first. */
export function loadsOf(lanes: readonly Lane[], since: number): (Span & { kind: 'loading' })[] {
  return lanes
    .flatMap(({ items }) => items)
    .filter(
      (item): item is Span & { kind: 'loading' } =>
        item.kind === 'loading' && (item.to === null || item.to >= since),
    )
    .sort((a, b) => a.from - b.from);
}

/** Those of which a part is within a window. */
export function within<T extends Stretch>(all: readonly T[], since: number): T[] {
  return all.filter(({ to }) => to === null || to >= since);
}

/** How long of a stretch others took up, in milliseconds. */
export function overlap(stretch: Stretch, others: readonly Stretch[], now: number): number {
  const end = stretch.to ?? now;
  let total = 0;
  for (const { from, to } of others) {
    total += Math.max(0, Math.min(end, to ?? now) - Math.max(stretch.from, from));
  }
  return total;
}
