import { describe, expect, it } from 'vitest';

import type { ModelDetails } from '$lib/api/types';
import {
  capabilitiesOf,
  environmentOf,
  factsOf,
  limitsOf,
  shown,
  spoken,
  timeoutsOf,
} from '$lib/model/details';
import { filterModels } from '$lib/model/filter';
import { barsOf, saidOf, shareOf } from '$lib/model/histogram';

import { status } from '../rows';

const DETAILS: ModelDetails = {
  id: 'a',
  name: '',
  description: '',
  aliases: [],
  cmd: 'x',
  cmd_stop: null,
  env: {},
  proxy: 'http://127.0.0.1:1',
  port: 1,
  check_endpoint: null,
  ttl: 90,
  concurrency_limit: 4,
  queue_limit: 0,
  unlisted: false,
  capabilities: null,
  groups: [],
  sets: [],
  filters: {},
  timeouts: {},
  metadata: {},
};

describe('a configuration in words', () => {
  it('speaks names of either spelling', () => {
    expect(spoken('strip_params')).toBe('Strip params');
    expect(spoken('setParams')).toBe('Set params');
    expect(spoken('tls_handshake')).toBe('TLS handshake');
  });

  it('leaves out what says nothing', () => {
    expect(factsOf({ a: [], b: {}, c: '', d: null, e: 0, f: ['x', 'y'] })).toEqual([
      { label: 'E', value: '0' },
      { label: 'F', value: 'x, y' },
    ]);
    expect(factsOf(null)).toEqual([]);
  });

  it('shows what is nested as JSON', () => {
    expect(shown({ a: 1 })).toBe('{\n  "a": 1\n}');
    expect(shown(true)).toBe('yes');
  });

  it('says of a secret that it is one', () => {
    expect(environmentOf({ TOKEN: '…', X: '1' }).map(({ value }) => value)).toEqual([
      '… (hidden)',
      '1',
    ]);
  });

  it('knows capabilities as a list, as flags, and beside others', () => {
    expect(capabilitiesOf(['vision'])).toEqual(['vision']);
    expect(capabilitiesOf({ vision: true, reranker: false })).toEqual(['Vision']);
    expect(capabilitiesOf({ capabilities: { vision: true }, context_length: 5 })).toEqual([
      'Vision',
    ]);
    expect(capabilitiesOf(null)).toEqual([]);
  });

  it('tells the limits that there are', () => {
    expect(limitsOf(DETAILS)).toEqual([
      { label: 'Unloads', value: '1 min 30 s after use' },
      { label: 'At once', value: '4 requests' },
    ]);
    expect(limitsOf({ ...DETAILS, ttl: 0, concurrency_limit: null })).toEqual([
      { label: 'Unloads', value: 'never' },
    ]);
  });

  it('says where a timeout is none', () => {
    expect(timeoutsOf({ connect: 30, response_header: 0 })).toEqual([
      { label: 'Connect', value: '30 s' },
      { label: 'Response headers', value: 'none' },
    ]);
  });
});

describe('filterModels', () => {
  const failure = { message: '', code: '', at: '', retry_at: null, log: '' };
  const all = [
    status('up', { state: 'ready', aliases: ['Best'] }),
    status('down', { description: 'writes programs' }),
    status('bad', { failure }),
    status('far/x', { peerID: 'far' }),
  ];
  const ids = (search: string, show: string) => filterModels(all, search, show).map(({ id }) => id);

  it('finds by id, alias and description, whatever the case', () => {
    expect(ids('BEST', '')).toEqual(['up']);
    expect(ids('programs', '')).toEqual(['down']);
  });

  it('shows those of a state, or all for what it does not know', () => {
    expect(ids('', 'running')).toEqual(['up']);
    expect(ids('', 'stopped')).toEqual(['down', 'bad']);
    expect(ids('', 'failed')).toEqual(['bad']);
    expect(ids('', 'peers')).toEqual(['far/x']);
    expect(ids('', 'rubbish')).toHaveLength(4);
  });
});

describe('a histogram', () => {
  const histogram = { bins: [1, 4, 0], min: 10, max: 40, binSize: 10, p50: 25, p95: 39, p99: 40 };

  it('has bars as high as their share of the highest', () => {
    expect(barsOf(histogram).map(({ from, to, height }) => [from, to, height])).toEqual([
      [10, 20, 0.25],
      [20, 30, 1],
      [30, 40, 0],
    ]);
  });

  it('places values, in the middle where all are equal', () => {
    expect(shareOf(histogram, 25)).toBe(0.5);
    expect(shareOf({ ...histogram, min: 5, max: 5 }, 5)).toBe(0.5);
  });

  it('is said in a sentence', () => {
    expect(saidOf(histogram)).toBe(
      '5 answers from 10.0 to 40.0 tokens/s: median 25.0, 95 % below 39.0, 99 % below 40.0',
    );
    const one = { ...histogram, bins: [1], min: 25, max: 25, binSize: 0, p95: 25, p99: 25 };
    expect(saidOf(one)).toBe('1 answer at 25.0 tokens/s');
  });
});
