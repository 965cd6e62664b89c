/**
 * The settings of how tokens are chosen: which there are, and what a request says of them.
 */

import type { Sampling } from './types';

/** Those that are numbers. */
export type NumberSetting = Exclude<keyof Sampling, 'stop' | 'more'>;

export interface SettingField {
  name: NumberSetting;
  label: string;
  min: number;
  max: number;
  step: number;
  hint: string;
}

export const NUMBER_SETTINGS: readonly SettingField[] = [
  { name: 'temperature', label: 'Temperature', min: 0, max: 5, step: 0.05, hint: '0 to 5' },
  { name: 'top_p', label: 'Top p', min: 0, max: 1, step: 0.01, hint: '0 to 1' },
  { name: 'top_k', label: 'Top k', min: 0, max: 1000, step: 1, hint: '0 is off' },
  { name: 'min_p', label: 'Min p', min: 0, max: 1, step: 0.01, hint: '0 to 1' },
  {
    name: 'repeat_penalty',
    label: 'Repeat penalty',
    min: 0,
    max: 5,
    step: 0.01,
    hint: '1 is off',
  },
  {
    name: 'presence_penalty',
    label: 'Presence penalty',
    min: -2,
    max: 2,
    step: 0.05,
    hint: '-2 to 2',
  },
  {
    name: 'frequency_penalty',
    label: 'Frequency penalty',
    min: -2,
    max: 2,
    step: 0.05,
    hint: '-2 to 2',
  },
  {
    name: 'max_tokens',
    label: 'Most tokens',
    min: 1,
    max: 10_000_000,
    step: 1,
    hint: 'no limit of ours',
  },
  { name: 'seed', label: 'Seed', min: -1, max: 4_294_967_295, step: 1, hint: 'by chance' },
];

/** Everything left to the server. */
export const PLAIN_SAMPLING: Readonly<Sampling> = {
  temperature: null,
  top_p: null,
  top_k: null,
  min_p: null,
  repeat_penalty: null,
  presence_penalty: null,
  frequency_penalty: null,
  max_tokens: null,
  seed: null,
  stop: '',
  more: '',
};

/** How many of the settings are not the server's own. */
export function changedSettings(sampling: Sampling): number {
  return Object.values(sampling).filter((value) => value !== null && value !== '').length;
}

/** What a number field says: null where it is empty, or what is nearest to it that may be. */
export function settingOf(field: SettingField, text: string): number | null {
  const value = Number(text);
  if (!text.trim() || !Number.isFinite(value)) return null;
  const held = Math.min(field.max, Math.max(field.min, value));
  return field.step === 1 ? Math.round(held) : held;
}

/** What is wrong with the further fields; empty where nothing is. */
export function wrongMore(more: string): string {
  if (!more.trim()) return '';
  try {
    const value: unknown = JSON.parse(more);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return '';
  } catch (e) {
    return e instanceof Error ? e.message : String(e);
  }
  return 'This has to be an object: {"name": value}';
}

/** The settings as fields of a request; what is wrong is left out. */
export function samplingFields(sampling: Sampling): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const { name } of NUMBER_SETTINGS) {
    if (sampling[name] !== null) fields[name] = sampling[name];
  }
  const stop = sampling.stop.split('\n').filter((line) => line !== '');
  if (stop.length) fields['stop'] = stop;
  if (sampling.more.trim() && !wrongMore(sampling.more)) {
    Object.assign(fields, JSON.parse(sampling.more));
  }
  return fields;
}

/** Settings out of anything that was kept or imported. */
export function samplingOf(value: unknown): Sampling {
  const given = (typeof value === 'object' && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  const sampling: Sampling = { ...PLAIN_SAMPLING };
  for (const { name } of NUMBER_SETTINGS) {
    const one = given[name];
    if (typeof one === 'number' && Number.isFinite(one)) sampling[name] = one;
  }
  if (typeof given['stop'] === 'string') sampling.stop = given['stop'];
  if (typeof given['more'] === 'string') sampling.more = given['more'];
  return sampling;
}
