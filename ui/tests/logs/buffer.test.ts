import { describe, expect, it } from 'vitest';

import { LogBuffer, MAX_CHARACTERS, MAX_LINE, MAX_LINES } from '../../src/lib/stores/logs.svelte';

describe('LogBuffer', () => {
  it('puts lines together, however they come', () => {
    const buffer = new LogBuffer();
    for (const piece of ['on', 'e\r\ntw', 'o', '\n\nthree']) buffer.append(piece);
    expect(buffer.lines).toEqual(['one', 'two', '', 'three']);
    buffer.append('!\n');
    expect(buffer.lines.at(-1)).toBe('three!');
  });

  it('is bounded in lines, and says how many are gone', () => {
    const buffer = new LogBuffer();
    for (let i = 0; i < 3 * MAX_LINES; i += 100) {
      buffer.append(Array.from({ length: 100 }, (_, j) => `line ${i + j}\n`).join(''));
    }
    expect(buffer.lines.length).toBeLessThanOrEqual(MAX_LINES);
    expect(buffer.dropped + buffer.lines.length).toBe(3 * MAX_LINES);
    expect(buffer.lines[0]).toBe(`line ${buffer.dropped}`);
  });

  it('is bounded in characters, and so is a line that never ends', () => {
    const buffer = new LogBuffer();
    for (let i = 0; i < 20; i++) buffer.append('x'.repeat(MAX_LINE));
    expect(buffer.lines).toEqual(['x'.repeat(MAX_LINE)]);
    for (let i = 0; i < 1000; i++) buffer.append(`${'y'.repeat(MAX_LINE)}\n`);
    const characters = buffer.lines.reduce((sum, line) => sum + line.length, 0);
    expect(characters).toBeLessThanOrEqual(MAX_CHARACTERS);
  });
});
