import { describe, expect, it } from 'vitest';

import { exported } from '../../src/lib/activity/export';
import { csvCell, csvHead, csvRows } from '../../src/lib/activity/files';
import { viewOf } from '../../src/lib/activity/view';
import { manyRows, row } from './rows';

const none = () => undefined;
const signal = new AbortController().signal;

describe('csvCell', () => {
  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '|calc', '%0', '\t=1', '\r=1', '  =1', '\n=1', '＝1'])(
    'keeps %j from being a formula',
    (text) => {
      expect(csvCell(text).replace(/^"/, '')).toMatch(/^'/);
    },
  );

  it('leaves numbers as numbers, also negative ones', () => {
    expect(csvCell(-3.5)).toBe('-3.5');
  });

  it('quotes what has commas, quotes and lines', () => {
    expect(csvCell('a, "b"\nc')).toBe('"a, ""b""\nc"');
  });

  it('has nothing for what is not known', () => {
    expect([csvCell(null), csvCell(NaN), csvCell('')]).toEqual(['', '', '']);
  });
});

describe('csvRows', () => {
  it('has a cell for each heading, and none for unknown counts', () => {
    const names = csvHead().trim().split(',');
    const cells = csvRows([row(7)])
      .trimEnd()
      .split(',');
    expect(cells).toHaveLength(names.length);
    expect(cells[names.indexOf('id')]).toBe('7');
    expect(cells[names.indexOf('cache_tokens')]).toBe('');
    expect(cells[names.indexOf('tokens_per_second')]).toBe('30.5');
  });

  it('makes no formula of a model that a client named', () => {
    expect(csvRows([row(1, { model: '=cmd|calc' })])).toContain(',"\'=cmd|calc",');
  });
});

describe('exported', () => {
  it('has all rows that match, not only those of a page', async () => {
    const daemon = manyRows(2500, (id) => ({ resp_status_code: id % 2 ? 200 : 500 }));
    const view = viewOf(new URLSearchParams('status=failed'));
    const told: number[] = [];
    const { parts, rows } = await exported(
      view,
      'json',
      signal,
      (looked) => told.push(looked),
      daemon.fetch,
    );
    const parsed = JSON.parse(parts.join('')) as { id: number }[];
    expect(rows).toBe(1250);
    expect(parsed.map(({ id }) => id)).toEqual(
      Array.from({ length: 1250 }, (_, i) => 2500 - i * 2),
    );
    expect(told).toEqual([999, 1998, 2500]);
  });

  it('is JSON also where no row, or no row of a page, matches', async () => {
    const view = viewOf(new URLSearchParams('status=failed'));
    for (const daemon of [
      manyRows(0),
      manyRows(3),
      manyRows(1500, (id) => ({ resp_status_code: id < 10 ? 500 : 200 })),
    ]) {
      const { parts, rows } = await exported(view, 'json', signal, none, daemon.fetch);
      expect(JSON.parse(parts.join(''))).toHaveLength(rows);
    }
  });

  it('stops when it is told to', async () => {
    const abort = new AbortController();
    const daemon = manyRows(5000);
    const run = exported(
      viewOf(new URLSearchParams()),
      'csv',
      abort.signal,
      () => abort.abort(),
      daemon.fetch,
    );
    await expect(run).rejects.toThrow();
    expect(daemon.asked).toHaveLength(2);
  });
});
