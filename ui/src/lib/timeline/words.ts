/**
 * The timeline in words: for what is pointed at, for its table, for those who hear it.
 */

import { duration, time } from '../format';
import { costFrom, costOf, isSwap, loadsOf, overlap, type Item, type Lane } from './lanes';

const iso = (at: number) => new Date(at).toISOString();

/** 14:03:22, by milliseconds. */
export function clockTime(at: number): string {
  return time(iso(at));
}

/** What a model did: one or two words. */
export function whatOf(item: Item): string {
  switch (item.kind) {
    case 'loading':
      if (item.outcome === 'failed') return 'Failed load';
      if (item.outcome === 'broken off') return 'Load broken off';
      return item.to === null ? 'Loading' : 'Load';
    case 'loaded':
      return 'Loaded';
    case 'stopping':
      return 'Stopping';
    case 'failed':
      return 'Failure';
  }
}

/** From when to when. */
export function whenOf(item: Item): string {
  if (item.kind === 'failed') return clockTime(item.from);
  return `${clockTime(item.from)} to ${item.to === null ? 'now' : clockTime(item.to)}`;
}

/** All there is to say of an item, a sentence or a part of one a line. */
export function linesOf(item: Item, lane: Lane, now: number): string[] {
  const took = duration((item.to ?? now) - item.from);
  switch (item.kind) {
    case 'failed':
      return [item.ended];
    case 'loading': {
      const lines = [item.to === null ? `${took} so far` : `Took ${took}`];
      if (item.evicted.length) {
        lines.push(`In place of ${item.evicted.map(({ model }) => model).join(', ')}`);
        if (costFrom(item) < item.from) {
          lines.push(`The swap cost ${duration(costOf(item, now))} in all`);
        }
      }
      if (item.ended) lines.push(item.ended);
      return lines;
    }
    case 'loaded': {
      const lines = [`For ${took}`];
      const busy = overlap(item, lane.served, now);
      if (busy > 0) {
        const share = Math.round((100 * busy) / Math.max(1, (item.to ?? now) - item.from));
        lines.push(`Served for ${duration(busy)} of it, ${share || 'under 1'} %`);
      } else {
        lines.push('Served nothing');
      }
      if (item.ended) lines.push(`Ended ${item.ended}`);
      return lines;
    }
    case 'stopping':
      return item.to === null ? [`${took} so far`] : [`Took ${took}`];
  }
}

/** Of the items that a person hears or reads one after another: a sentence. */
export function sentenceOf(item: Item, lane: Lane, now: number): string {
  return [`${item.model}: ${whatOf(item)}`, whenOf(item), ...linesOf(item, lane, now)].join('. ');
}

/** What the picture shows, in a sentence. */
export function summaryOf(lanes: readonly Lane[], since: number): string {
  const loads = loadsOf(lanes, since);
  const swaps = loads.filter(isSwap).length;
  const failed = lanes
    .flatMap(({ items }) => items)
    .filter((item) => item.kind === 'failed' && item.from >= since).length;
  const parts = [
    plural(lanes.length, 'model'),
    plural(loads.length, 'load'),
    `${plural(swaps, 'swap')} among them`,
  ];
  if (failed) parts.push(plural(failed, 'failure'));
  return parts.join(', ');
}

/** 1 model, 2 models. */
export function plural(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}
