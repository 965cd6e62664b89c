/**
 * What becomes of a request of ours before it is answered: it bears a mark, by which it is
 * found among those in flight.
 */

import type { Failure, ModelStatus, Waiting } from '../api/types';
import { inflight } from '../stores/inflight.svelte';
import { models } from '../stores/models.svelte';
import { queue } from '../stores/queue.svelte';
import { newId } from './types';

const HEADER = 'x-playground-request';

/** A mark for a request, and the headers that bear it. */
export function newMark(): string {
  return newId();
}

export function marked(mark: string): Record<string, string> {
  return { [HEADER]: mark };
}

/** Where a request stands. */
export interface Standing {
  /** The model that answers it, behind an alias too; undefined where it is not known. */
  model: ModelStatus | undefined;
  /** Its place in the queue; undefined where it is in none. */
  waiting: Waiting | undefined;
}

/** @param name the model as it was asked for. */
export function standingOf(name: string, mark: string): Standing {
  const entry = inflight.all.find(({ req_headers }) =>
    Object.entries(req_headers ?? {}).some(
      ([header, value]) => value === mark && header.toLowerCase() === HEADER,
    ),
  );
  return {
    model: (entry && models.find(entry.model)) ?? models.find(name),
    waiting: entry && queue.all.find(({ id }) => id === entry.id),
  };
}

/** The event with a model's failure may come so much after the answer that tells of it, in
 *  milliseconds. */
const PATIENCE = 300;

/**
 * The model's failure that an error tells of; null where it is none.
 *
 * @param model as it was asked for.
 */
export async function failureOf(
  model: string,
  mark: string,
  error: unknown,
): Promise<Failure | null> {
  const find = () => (standingOf(model, mark).model ?? models.find(model))?.failure ?? null;
  const status = (error as { status?: number }).status ?? 0;
  if (status < 500 || find()) return find();
  await new Promise((resolve) => setTimeout(resolve, PATIENCE));
  return find();
}
