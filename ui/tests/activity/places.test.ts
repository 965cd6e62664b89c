import { describe, expect, it } from 'vitest';

import { placing } from '../../src/lib/activity/places';

const rows = (...ids: number[]) => ids.map((id) => ({ id }));

describe('placing', () => {
  const shown = (...ids: number[]) => {
    const place = placing();
    place(rows(...ids));
    return (...next: number[]) => place(rows(...next)).map(({ key }) => key);
  };

  it('counts the places', () => {
    expect(shown()(3, 2, 1)).toEqual([0, 1, 2]);
  });

  it('keeps the place of a row that stays, wherever it goes', () => {
    expect(shown(3, 2, 1)(1, 2, 3)).toEqual([2, 1, 0]);
  });

  it('gives a row that comes the place of the one that goes', () => {
    expect(shown(3, 2, 1)(4, 3, 2)).toEqual([2, 0, 1]);
  });

  it('moves nothing where all rows are others', () => {
    expect(shown(3, 2, 1)(7, 9, 8)).toEqual([0, 1, 2]);
  });

  it('gives no place twice as rows become fewer and more', () => {
    const place = placing();
    for (const next of [
      rows(1, 2, 3, 4),
      rows(2),
      rows(2, 5, 6, 7, 8),
      rows(10, 2),
      [],
      rows(1, 2),
    ]) {
      const places = place(next);
      expect(places.map(({ row }) => row)).toEqual(next);
      expect(new Set(places.map(({ key }) => key)).size).toBe(next.length);
    }
  });
});
