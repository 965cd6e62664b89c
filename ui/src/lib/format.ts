/**
 * Numbers and times for people. What is unknown (null, undefined, negative) is a dash.
 */

import { today } from './stores/clock.svelte';

export const UNKNOWN = '–';

type Value = number | null | undefined;

function known(value: Value): value is number {
  return value !== null && value !== undefined && Number.isFinite(value) && value >= 0;
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** 12,345 */
export function count(value: Value): string {
  return known(value) ? whole.format(value) : UNKNOWN;
}

/** 12.3K */
export function short(value: Value): string {
  if (!known(value)) return UNKNOWN;
  return value < 10_000 ? whole.format(value) : compact.format(value);
}

/** 41.2, 1,235, 16K: for tokens a second. */
export function speed(value: Value): string {
  if (!known(value)) return UNKNOWN;
  return value < 100 ? value.toFixed(1) : short(value);
}

/** 85 ms, 1.24 s, 3 min 5 s, 2 h 4 min */
export function duration(milliseconds: Value): string {
  if (!known(milliseconds)) return UNKNOWN;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  return coarse(milliseconds);
}

/** 12 s, 3 min 5 s, 2 h 4 min, 3 d 1 h: for what ticks. */
export function coarse(milliseconds: Value): string {
  if (!known(milliseconds)) return UNKNOWN;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return two(minutes, 'min', seconds % 60, 's');
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return two(hours, 'h', minutes % 60, 'min');
  return two(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function two(large: number, unit: string, small: number, smaller: string): string {
  return small ? `${large} ${unit} ${small} ${smaller}` : `${large} ${unit}`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** 3.2 GiB */
export function bytes(value: Value): string {
  if (!known(value)) return UNKNOWN;
  let unit = 0;
  let left = value;
  while (left >= 1024 && unit < UNITS.length - 1) {
    left /= 1024;
    unit++;
  }
  return `${unit && left < 100 ? left.toFixed(1) : Math.round(left)} ${UNITS[unit]}`;
}

const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const day = new Intl.DateTimeFormat(undefined, {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
});

/** 14:03:22, and the day where it is not today. */
export function time(rfc3339: string | null | undefined, now = today()): string {
  const date = rfc3339 ? new Date(rfc3339) : null;
  if (!date || Number.isNaN(date.getTime())) return UNKNOWN;
  const text = clock.format(date);
  return date.toDateString() === now.toDateString() ? text : `${day.format(date)}, ${text}`;
}

/** A number that came as text, as those in a row's metadata do; null for none. */
export function numberOf(text: string | null | undefined): number | null {
  if (!text) return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}
