import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

const css = readFileSync('src/app.css', 'utf8');

/** By name, the colour in light and in dark. */
const tokens = new Map(
  [...css.matchAll(/--([\w-]+):\s*light-dark\((#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\)/g)].map(
    ([, name, light, dark]) => [name ?? '', [light ?? '', dark ?? ''] as const],
  ),
);

/** Source: WCAG 2.2, relative luminance. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [high = 0, low = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

function colour(name: string, theme: number): string {
  const pair = tokens.get(name);
  if (!pair) throw new Error(`there is no token ${name}`);
  return pair[theme] ?? '';
}

const GROUNDS = ['bg', 'surface', 'raised', 'sunken', 'hover'];
const ANSI = Array.from({ length: 9 }, (_, i) => `ansi-${i}`);

describe.each([
  ['light', 0],
  ['dark', 1],
])('colours in the %s theme', (_, theme) => {
  it('lets text be read on every ground', () => {
    for (const ground of GROUNDS) {
      for (const text of ['text', 'muted', 'accent', 'bad', 'good', 'busy']) {
        const found = contrast(colour(text, theme), colour(ground, theme));
        expect(found, `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
      }
    }
  });

  it('lets words on their own ground be read', () => {
    for (const [text, ground] of [
      ['accent', 'accent-bg'],
      ['on-accent', 'accent'],
      ['good', 'good-bg'],
      ['busy', 'busy-bg'],
      ['bad', 'bad-bg'],
      ['idle', 'idle-bg'],
      ...ANSI.map((name) => [name, 'sunken']),
    ] as [string, string][]) {
      const found = contrast(colour(text, theme), colour(ground, theme));
      expect(found, `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
  });

  it('lets frames of fields and lines of charts be seen', () => {
    for (const line of ['border-strong', ...[1, 2, 3, 4, 5, 6].map((i) => `series-${i}`)]) {
      for (const ground of ['bg', 'surface']) {
        const found = contrast(colour(line, theme), colour(ground, theme));
        expect(found, `${line} on ${ground}`).toBeGreaterThanOrEqual(3);
      }
    }
  });
});
