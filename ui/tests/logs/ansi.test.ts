import { describe, expect, it } from 'vitest';

import { ansiSpans, stripAnsi } from '../../src/lib/text/ansi';

const spans = (line: string) => ansiSpans(line).map(({ text, classes }) => [text, classes]);

describe('ansiSpans', () => {
  it('turns colours into classes', () => {
    expect(spans('a\x1b[1;31mb\x1b[0mc\x1b[94;42md')).toEqual([
      ['a', ''],
      ['b', 'ansi-1 ansi-bold'],
      ['c', ''],
      ['d', 'ansi-12 ansi-bg-2'],
    ]);
  });

  it('takes the nearest of the sixteen for finer colours', () => {
    expect(spans('\x1b[38;5;9ma\x1b[38;2;250;10;10mb\x1b[48;5;21mc')[0]).toEqual(['a', 'ansi-9']);
    expect(spans('\x1b[38;2;250;10;10mb')).toEqual([['b', 'ansi-9']]);
  });

  it.each([
    ['\x1b[2J\x1b[Hx', 'x'],
    ['\x1b]0;title\x07x', 'x'],
    ['\x1b]8;;http://e\x1b\\x\x1b]8;;\x1b\\', 'x'],
    ['\x1bPq...\x1b\\x', 'x'],
    ['\x1b(Bx\x07\x08', 'x'],
    ['10 %\r20 %', '20 %'],
    ['x\x1b', 'x'],
    ['x\x1b[', 'x'],
    ['<img onerror=1>', '<img onerror=1>'],
  ])('leaves only text of %j', (line, left) => {
    expect(stripAnsi(line)).toBe(left);
    expect(
      ansiSpans(line)
        .map(({ text }) => text)
        .join(''),
    ).toBe(left);
  });
});
