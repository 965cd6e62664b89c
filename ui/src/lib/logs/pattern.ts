/**
 * What is looked for in a log: a text, or a regular expression.
 */

import type { Span } from '../text/ansi';

export interface Wanted {
  text: string;
  regex: boolean;
  matchCase: boolean;
}

/** Where in a line: from, to. */
export type Range = readonly [number, number];

/** A line is marked in so many places at most. */
const MOST_RANGES = 200;

export class Pattern {
  readonly #expression: RegExp;

  /** @throws SyntaxError where it is no regular expression. */
  constructor({ text, regex, matchCase }: Wanted) {
    const source = regex ? text : text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    this.#expression = new RegExp(source, `g${matchCase ? '' : 'i'}${regex ? 'u' : ''}`);
  }

  /** @param line without ANSI sequences. */
  test(line: string): boolean {
    this.#expression.lastIndex = 0;
    return this.#expression.test(line);
  }

  ranges(line: string): Range[] {
    const ranges: Range[] = [];
    // `matchAll` begins where the last test ended.
    this.#expression.lastIndex = 0;
    for (const match of line.matchAll(this.#expression)) {
      if (match[0]) ranges.push([match.index, match.index + match[0].length]);
      if (ranges.length === MOST_RANGES) break;
    }
    return ranges;
  }
}

/** A piece of a line, and whether it is what was looked for. */
export interface Marked extends Span {
  hit: boolean;
}

/** A line's pieces, cut where ranges begin and end. */
export function marked(spans: readonly Span[], ranges: readonly Range[]): Marked[] {
  if (!ranges.length) return spans.map((span) => ({ ...span, hit: false }));
  const pieces: Marked[] = [];
  let at = 0;
  let next = 0;
  for (const { text, classes } of spans) {
    let from = 0;
    while (from < text.length) {
      while (next < ranges.length && (ranges[next]?.[1] ?? 0) <= at + from) next++;
      const range = ranges[next];
      const hit = range !== undefined && range[0] <= at + from;
      const edge = range === undefined ? Infinity : hit ? range[1] : range[0];
      const to = Math.min(text.length, edge - at);
      pieces.push({ text: text.slice(from, to), classes, hit });
      from = to;
    }
    at += text.length;
  }
  return pieces;
}
