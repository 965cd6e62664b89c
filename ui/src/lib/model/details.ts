/**
 * A model's configuration, for people: newer daemons may tell more than we know of.
 */

import type { ModelDetails } from '../api/types';
import { coarse, count } from '../format';

export interface Fact {
  label: string;
  value: string;
}

/** Where the words alone would not do. */
const KNOWN: Record<string, string> = {
  tls_handshake: 'TLS handshake',
  idle_conn: 'Idle connection',
  response_header: 'Response headers',
  expect_continue: '100 Continue',
  set_params_by_id: 'Set params by name',
};

/** What the daemon writes in the place of a secret. */
const MASK = '…';

/** `strip_params` as Strip params. */
export function spoken(name: string): string {
  const known = KNOWN[name];
  if (known) return known;
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/[_-]+/g, ' ')
    .trim()
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Whether there is nothing in a value that is worth a line. */
export function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === '' || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** A value in a line where it is simple, otherwise as JSON. */
export function shown(value: unknown): string {
  if (value === true) return 'yes';
  if (value === false) return 'no';
  if (value === null || value === undefined) return 'none';
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object')) {
    return value.map(String).join(', ');
  }
  if (typeof value === 'object') return JSON.stringify(value, null, 2);
  return typeof value === 'string' ? value : String(value as number);
}

/** What a model can do, by the names. */
export function capabilitiesOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  if (!value || typeof value !== 'object') return [];
  // A daemon may tell of the context beside them.
  const inner = (value as { capabilities?: unknown }).capabilities;
  const flags = inner && typeof inner === 'object' ? inner : value;
  return Object.entries(flags)
    .filter(([, on]) => on === true)
    .map(([name]) => spoken(name));
}

const span = (seconds: number) => coarse(seconds * 1000);

/** What holds for a model's use: a line each, those that say nothing left out. */
export function limitsOf(details: ModelDetails): Fact[] {
  const facts: Fact[] = [
    { label: 'Unloads', value: details.ttl > 0 ? `${span(details.ttl)} after use` : 'never' },
  ];
  const add = (label: string, value: string | false | null | undefined) => {
    if (value) facts.push({ label, value });
  };
  const { concurrency_limit: slots, queue_limit: queue } = details;
  add('At once', slots ? `${count(slots)} requests` : null);
  add('Queue', queue ? `${count(queue)} at most` : null);
  add('Waits at most', !!details.queue_timeout && span(details.queue_timeout));
  add('Stops within', !!details.unload_timeout && span(details.unload_timeout));
  add('Priority', details.priority ? String(details.priority) : null);
  add('Sent on as', details.use_model_name);
  add('Loading state', details.send_loading_state && 'told to clients');
  add('Unlisted', details.unlisted && 'yes');
  return facts;
}

/** Timeouts, in seconds; 0 is none. */
export function timeoutsOf(timeouts: Record<string, unknown>): Fact[] {
  return Object.entries(timeouts).map(([name, value]) => ({
    label: spoken(name),
    value: typeof value === 'number' ? (value > 0 ? span(value) : 'none') : shown(value),
  }));
}

/** Where a model listens, and how it is asked whether it is up. */
export function addressOf(details: ModelDetails): Fact[] {
  const facts: Fact[] = [{ label: 'Address', value: details.proxy }];
  if (details.port !== null) facts.push({ label: 'Port', value: String(details.port) });
  facts.push({ label: 'Asked whether it is up', value: details.check_endpoint ?? 'no' });
  return facts;
}

/** All those of a dictionary that say something. */
export function factsOf(values: Record<string, unknown> | null | undefined): Fact[] {
  return Object.entries(values ?? {})
    .filter(([, value]) => !isEmpty(value))
    .map(([name, value]) => ({ label: spoken(name), value: shown(value) }));
}

/** What a model's environment adds; a secret is said to be one. */
export function environmentOf(env: Record<string, string>): Fact[] {
  return Object.entries(env).map(([label, value]) => ({
    label,
    value: value === MASK ? `${MASK} (hidden)` : value,
  }));
}
