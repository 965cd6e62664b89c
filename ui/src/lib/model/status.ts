/**
 * What there is to say of a model's state, in words.
 */

import type { Failure, ModelStatus, Waiting } from '../api/types';
import { coarse, time, UNKNOWN } from '../format';

/** By which names its requests are told of: a peer's model by that which was asked for. */
export function namesOf(model: ModelStatus): string[] {
  return model.peerID ? [model.id, ...model.aliases] : [model.id];
}

/** Whether anything of a model is going on, or has gone wrong. */
export function isActive(model: ModelStatus): boolean {
  return (
    (model.state !== 'stopped' && model.state !== 'shutdown') ||
    !!model.in_flight ||
    !!model.waiting ||
    !!model.failure
  );
}

/** How long until a model is unloaded; or why that is not known. */
export function unloadsIn(model: ModelStatus, now: number): string {
  if (model.state !== 'ready') return UNKNOWN;
  if (model.unload_at) return coarse(Math.max(0, Date.parse(model.unload_at) - now));
  // A daemon that does not tell of it has no TTL to show either.
  if (model.ttl === undefined) return UNKNOWN;
  return model.ttl > 0 ? 'in use' : 'never';
}

/** When a model that failed may be tried again. */
export function retryText({ retry_at: at }: Failure, now: number): string {
  const left = at === null ? 0 : Date.parse(at) - now;
  if (at === null || !(left > 0)) return 'The next request tries again.';
  return `Requests try again in ${coarse(left)}, at ${time(at)}; Load does at once.`;
}

/**
 * For what somebody waits.
 *
 * @param find tells where a model stands.
 */
export function waitsFor(
  one: Waiting,
  find: (model: string) => ModelStatus | undefined,
): { text: string; models: string[] } {
  const others = one.behind.filter((model) => model !== one.model);
  if (others.length) return { text: 'behind', models: others };
  const own = find(one.model);
  switch (own?.state) {
    case 'starting':
      return { text: 'until it is loaded', models: [] };
    case 'stopping':
      return { text: 'until it has stopped, to be started again', models: [] };
    case 'ready':
      return one.behind.length
        ? { text: 'for a free slot of it', models: [] }
        : { text: 'for its turn', models: [] };
    default:
      return { text: one.position ? 'for its turn' : 'until it is loaded', models: [] };
  }
}

/** A model's state in a few words, beside its name in a sentence. */
export function briefly(model: ModelStatus | undefined): string {
  if (!model) return '';
  if (model.in_flight) return `${model.in_flight} in flight`;
  return { stopped: '', shutdown: '', starting: 'loading', ready: 'idle', stopping: 'stopping' }[
    model.state
  ];
}

/** What a model takes; of one that is down it may not have been looked at again yet. */
export function memoryOf(model: ModelStatus): number | null {
  return model.state === 'stopped' ? null : (model.memory_bytes ?? null);
}

/** No failure is told in more lines than these. */
const MOST_LINES = 60;

/** The lines that a model wrote before it failed, without those that are empty at either end. */
export function lastLines(log: string): string[] {
  const text = log.replace(/^(\s*\n)+|\s+$/g, '');
  return text ? text.split('\n').slice(-MOST_LINES) : [];
}
