import { describe, expect, it } from 'vitest';

import {
  filterParams,
  instantOf,
  isFiltered,
  keepsOf,
  localOf,
  NO_FILTERS,
  queryOf,
  viewOf,
} from '../../src/lib/activity/view';
import { row } from './rows';

const view = (link: string) => viewOf(new URLSearchParams(link));

describe('viewOf', () => {
  it('takes a link, and nothing that it says wrongly', () => {
    expect(
      view('model=a&model=b&model=a&sort=duration&order=asc&page=3&upto=9&span=1h'),
    ).toMatchObject({
      models: ['a', 'b'],
      sort: 'duration',
      order: 'asc',
      page: 3,
      upTo: 9,
      span: '1h',
    });
    expect(view('sort=toString&order=x&page=-1&upto=a&span=constructor&status=x&start=y')).toEqual({
      ...NO_FILTERS,
      sort: 'id',
      order: 'desc',
      page: 1,
      upTo: null,
    });
  });

  it('comes back out of the link that filters make', () => {
    const filters = { ...NO_FILTERS, models: ['a'], status: 'failed' as const, text: 'x' };
    const params = new URLSearchParams();
    for (const [name, value] of Object.entries(filterParams(filters))) {
      for (const one of [value].flat()) if (one) params.append(name, one);
    }
    expect(viewOf(params)).toMatchObject(filters);
    expect(isFiltered(viewOf(params))).toBe(true);
    expect(isFiltered(view('page=2&sort=time'))).toBe(false);
  });
});

describe('queryOf', () => {
  it('asks for a span back from now, and holds pages where they were', () => {
    const now = Date.UTC(2026, 0, 1, 12);
    expect(queryOf(view('span=1h&start=2020-01-01T00:00:00Z&upto=5'), now)).toEqual({
      sort: 'id',
      order: 'desc',
      start: '2026-01-01T11:00:00.000Z',
      max_id: 5,
    });
  });
});

describe('keepsOf', () => {
  it('is nothing where the daemon can filter by all', () => {
    expect(keepsOf(view('model=a&span=1h&start=2020-01-01T00:00:00Z'))).toBeNull();
  });

  it('keeps by status, session and text together', () => {
    const keeps = keepsOf(view('status=failed&session=s1&q=OOM'));
    const good = row(1, {
      resp_status_code: 502,
      error_msg: 'CUDA oom',
      metadata: { session_id: 's1' },
    });
    expect(keeps?.(good)).toBe(true);
    expect(keeps?.({ ...good, resp_status_code: 200 })).toBe(false);
    expect(keeps?.({ ...good, metadata: null })).toBe(false);
    expect(keeps?.({ ...good, error_msg: '' })).toBe(false);
  });
});

describe('local times', () => {
  it('come back as they went', () => {
    expect(instantOf(localOf('2026-05-01T10:20:30.000Z'))).toBe('2026-05-01T10:20:30.000Z');
    expect([localOf(''), localOf('x'), instantOf(''), instantOf('x')]).toEqual(['', '', '', '']);
  });
});
