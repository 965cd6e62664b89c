/**
 * The daemon's settings for people: in groups, with words and units.
 */

import type { Settings } from './api/types';
import { bytes, coarse, count, time } from './format';

export interface Setting {
  name: string;
  label: string;
  value: string;
}

export interface SettingGroup {
  title: string;
  settings: Setting[];
}

type Show = (value: unknown) => string;

const number = (value: unknown) => (typeof value === 'number' ? value : null);
const seconds: Show = (value) => coarse((number(value) ?? -1) * 1000);
const patience: Show = (value) => (value ? seconds(value) : 'no limit');
const size: Show = (value) => bytes(number(value));
const megabytes: Show = (value) => (value ? `${plain(value)} MB` : 'off');
const moment: Show = (value) => time(typeof value === 'string' ? value : null);
const many: Show = (value) => count(number(value));

/** A value of which nothing more is known. */
export function plain(value: unknown): string {
  if (value === null || value === undefined || value === '') return 'none';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.length ? value.map(plain).join(', ') : 'none';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const GROUPS: readonly { title: string; settings: readonly [string, string, Show?][] }[] = [
  {
    title: 'The server',
    settings: [
      ['version', 'Version'],
      ['start_time', 'Started', moment],
      ['listen', 'Listens on'],
      ['config_path', 'Configuration'],
      ['config_paths', 'Configuration files'],
      ['warnings', 'Warnings about it'],
    ],
  },
  {
    title: 'Models',
    settings: [
      ['models', 'Models', many],
      ['peers', 'Peers', many],
      ['selectors', 'Selectors', many],
      ['profiles', 'Profiles', many],
      ['planner', 'Who goes for whom'],
      ['preload', 'Loaded at the start'],
      ['health_check_timeout', 'A model may load for', seconds],
      ['max_wait', 'Busy models give way after', patience],
      ['include_aliases_in_list', 'Aliases are listed'],
    ],
  },
  {
    title: 'Records',
    settings: [
      ['log_level', 'Log level'],
      ['log_to_stdout', 'Logs on the standard output'],
      ['log_time_format', 'Times in logs'],
      ['store_path', 'Activity is kept in', (value) => (value ? plain(value) : 'memory')],
      ['metrics_max_in_memory', 'Rows of activity in memory', many],
      ['capture_buffer', 'Captures take at most', megabytes],
      [
        'performance_every',
        'The machine is sampled every',
        (value) => (value ? seconds(value) : 'never'),
      ],
      ['session_id', 'Headers that name a session'],
    ],
  },
  {
    title: 'HTTP',
    settings: [
      ['api_keys', 'API keys', many],
      ['max_request_body', 'A request has at most', size],
      ['max_header_bytes', 'Its headers at most', size],
      ['head_timeout', 'Its head may take', patience],
      ['body_timeout', 'Its body may stand still for', patience],
      ['cors_origins', 'Origins of other pages'],
      ['allowed_hosts', 'Names of this host'],
      ['ignore_paths', 'Paths that are not logged'],
    ],
  },
];

/** What a daemon tells, in order; what this page does not know comes last. */
export function settingGroups(settings: Settings): SettingGroup[] {
  const left = new Set(Object.keys(settings));
  // One file is told by its path, several by theirs.
  const paths = settings['config_paths'];
  left.delete(Array.isArray(paths) && paths.length > 1 ? 'config_path' : 'config_paths');
  const groups = GROUPS.map(({ title, settings: known }) => ({
    title,
    settings: known
      .filter(([name]) => left.delete(name))
      .map(([name, label, show = plain]) => ({ name, label, value: show(settings[name]) })),
  }));
  const rest = [...left].map((name) => {
    const words = name.replaceAll('_', ' ');
    const label = words.charAt(0).toUpperCase() + words.slice(1);
    return { name, label, value: plain(settings[name]) };
  });
  return [...groups, { title: 'More', settings: rest }].filter((one) => one.settings.length);
}
