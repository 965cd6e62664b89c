import { describe, expect, it } from 'vitest';

import { bytes, coarse, count, duration, numberOf, short, speed, time, UNKNOWN } from '$lib/format';

describe('format', () => {
  it('shows a dash for what is unknown', () => {
    for (const value of [null, undefined, -1, NaN, Infinity]) {
      for (const show of [count, short, speed, duration, coarse, bytes]) {
        expect(show(value)).toBe(UNKNOWN);
      }
    }
    expect(time(null)).toBe(UNKNOWN);
    expect(time('not a time')).toBe(UNKNOWN);
  });

  it.each([
    [0, '0 ms'],
    [84.6, '85 ms'],
    [1240, '1.24 s'],
    [9999, '10.0 s'],
    [59_960, '1 min'],
    [185_000, '3 min 5 s'],
    [7_440_000, '2 h 4 min'],
  ])('says %d ms', (value, text) => {
    expect(duration(value)).toBe(text);
  });

  it('says numbers shortly', () => {
    expect(count(12_345)).toBe('12,345');
    expect(short(9999)).toBe('9,999');
    expect(short(12_345)).toBe('12.3K');
    expect(speed(41.234)).toBe('41.2');
    expect(speed(1234.5)).toBe('1,235');
    expect(bytes(0)).toBe('0 B');
    expect(bytes(3_435_973_837)).toBe('3.2 GiB');
    expect(coarse(90_061_000)).toBe('1 d 1 h');
  });

  it('names the day where it is not today', () => {
    const now = new Date('2026-03-01T12:00:00');
    expect(time('2026-03-01T09:05:06', now)).toBe('09:05:06');
    expect(time('2026-02-28T09:05:06', now)).toContain('2026');
  });

  it('reads numbers that came as text', () => {
    expect(numberOf('12.5')).toBe(12.5);
    for (const text of [null, undefined, '', 'x']) expect(numberOf(text)).toBeNull();
  });
});
