import { describe, expect, it } from 'vitest';

import { Layout } from '../../src/lib/logs/layout';
import { Matches } from '../../src/lib/logs/matches';
import { marked, Pattern } from '../../src/lib/logs/pattern';
import { LogBuffer } from '../../src/lib/stores/logs.svelte';
import { ansiSpans } from '../../src/lib/text/ansi';

const text = (wanted: string, more = {}) =>
  new Pattern({ text: wanted, regex: false, matchCase: false, ...more });
const numbersOf = (matches: Matches) =>
  Array.from({ length: matches.count }, (_, i) => matches.at(i));

describe('Pattern', () => {
  it('takes a text as it is, or as a regular expression', () => {
    expect(text('a.c').test('xABC')).toBe(false);
    expect(text('a.c', { regex: true }).test('xABC')).toBe(true);
    expect(text('a.c', { regex: true, matchCase: true }).test('xABC')).toBe(false);
    expect(() => text('(', { regex: true })).toThrow(SyntaxError);
    expect(text('(').ranges('a(b(')).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('finds all of a line also after another was tested', () => {
    const pattern = text('b');
    expect(pattern.test('aaaaaab')).toBe(true);
    expect(pattern.ranges('bb')).toEqual([
      [0, 1],
      [1, 2],
    ]);
  });

  it('does not go on for ever where it matches nothing', () => {
    expect(text('x*', { regex: true }).ranges('ab')).toEqual([]);
  });
});

describe('marked', () => {
  it('marks what was found across colours', () => {
    const spans = ansiSpans('\x1b[31mer\x1b[32mror\x1b[0m: no error');
    const pieces = marked(spans, text('error').ranges('error: no error'));
    expect(pieces.map(({ text, classes, hit }) => [text, classes, hit])).toEqual([
      ['er', 'ansi-1', true],
      ['ror', 'ansi-2', true],
      [': no ', '', false],
      ['error', '', true],
    ]);
  });
});

describe('Matches', () => {
  it('follows a log that grows, line by line and within a line', () => {
    const buffer = new LogBuffer();
    const matches = new Matches(text('hit'));
    buffer.append('a hit\nmiss\n\x1b[1mh\x1b[0mi');
    matches.take(buffer);
    expect(numbersOf(matches)).toEqual([0]);
    buffer.append('t\nhit');
    matches.take(buffer);
    expect(numbersOf(matches)).toEqual([0, 2, 3]);
    buffer.append(' and more\n');
    matches.take(buffer);
    expect(numbersOf(matches)).toEqual([0, 2, 3]);
    expect([matches.before(2), matches.before(3)]).toEqual([1, 2]);
  });

  it('forgets what the log has dropped', () => {
    const buffer = new LogBuffer(100);
    const matches = new Matches(text('hit'));
    for (let i = 0; i < 1000; i++) {
      buffer.append(i % 2 ? 'hit\n' : 'miss\n');
      matches.take(buffer);
    }
    const expected = buffer.lines
      .map((line, i) => (line === 'hit' ? buffer.dropped + i : -1))
      .filter((number) => number >= 0);
    expect(numbersOf(matches)).toEqual(expected);
  });

  it('leaves for later what it has no time for, and misses nothing', () => {
    const buffer = new LogBuffer();
    buffer.append('hit\n'.repeat(5000));
    const matches = new Matches(text('hit'));
    let clock = 0;
    let rounds = 0;
    while (!matches.take(buffer, 2, () => clock++)) rounds++;
    expect(rounds).toBeGreaterThan(3);
    expect(matches.count).toBe(5000);
  });
});

describe('Layout', () => {
  it('gives each line its rows', () => {
    const buffer = new LogBuffer();
    buffer.append('short\n' + 'x'.repeat(25) + '\n\x1b[31m' + 'y'.repeat(10) + '\x1b[0m\n\n');
    const layout = new Layout(10, null);
    layout.sync(buffer);
    expect([layout.count, layout.rows]).toEqual([4, 6]);
    expect([0, 1, 2, 3].map((i) => layout.rowOf(i))).toEqual([0, 1, 4, 5]);
    expect([0, 1, 3, 4, 5].map((row) => layout.indexAt(row))).toEqual([0, 1, 1, 2, 3]);
  });

  it('is after any history what a new one would be', () => {
    const buffer = new LogBuffer(50);
    const matches = new Matches(text('7'));
    const layout = new Layout(4, null);
    const only = new Layout(4, matches);
    let gone = 0;
    for (let i = 0; i < 400; i++) {
      buffer.append(i % 3 ? `${i}` : `${'z'.repeat(i % 11)}\n`);
      matches.take(buffer);
      gone += layout.sync(buffer);
      only.sync(buffer);
      for (const [kept, fresh] of [
        [layout, new Layout(4, null)],
        [only, new Layout(4, matches)],
      ] as const) {
        fresh.sync(buffer);
        expect([kept.count, kept.rows]).toEqual([fresh.count, fresh.rows]);
        expect(kept.numberAt(kept.count - 1)).toBe(fresh.numberAt(fresh.count - 1));
        expect(kept.rowOf(kept.count - 1)).toBe(fresh.rowOf(fresh.count - 1));
      }
    }
    expect(gone).toBeGreaterThan(0);
  });
});
