import { describe, expect, it } from 'vitest';

import type { Settings } from '../../src/lib/api/types';
import { plain, settingGroups } from '../../src/lib/settings';

const KNOWN: Settings = {
  listen: ['127.0.0.1:8080', 'unix:/run/x'],
  version: '1',
  start_time: '2026-01-01T00:00:00Z',
  config_path: '/etc/c.yaml',
  models: 3,
  health_check_timeout: 120,
  log_level: 'info',
  capture_buffer: 0,
  store_path: null,
  max_request_body: 1024 * 1024,
};

const valuesOf = (settings: Settings) =>
  Object.fromEntries(
    settingGroups(settings).flatMap((group) => group.settings.map((one) => [one.label, one.value])),
  );

describe('settingGroups', () => {
  it('says them in words and units', () => {
    expect(valuesOf(KNOWN)).toMatchObject({
      'Listens on': '127.0.0.1:8080, unix:/run/x',
      Configuration: '/etc/c.yaml',
      'A model may load for': '2 min',
      'Captures take at most': 'off',
      'Activity is kept in': 'memory',
      'A request has at most': '1.0 MiB',
    });
  });

  it('tells the room for captures in MB, as the configuration has it', () => {
    expect(valuesOf({ ...KNOWN, capture_buffer: 20 })['Captures take at most']).toBe('20 MB');
  });

  it('leaves nothing out that a newer daemon tells', () => {
    const groups = settingGroups({ ...KNOWN, new_thing: { a: true } });
    expect(groups.at(-1)).toEqual({
      title: 'More',
      settings: [{ name: 'new_thing', label: 'New thing', value: '{"a":true}' }],
    });
  });

  it('tells several files of the configuration by their paths', () => {
    const values = valuesOf({ ...KNOWN, config_paths: ['/a', '/b'] });
    expect(values['Configuration files']).toBe('/a, /b');
    expect(values['Configuration']).toBeUndefined();
  });
});

describe('plain', () => {
  it('has a word for nothing, yes and no', () => {
    expect([null, '', [], true, false, 0].map(plain)).toEqual([
      'none',
      'none',
      'none',
      'yes',
      'no',
      '0',
    ]);
  });
});
