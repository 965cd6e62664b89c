/**
 * What can be done to models, from wherever it is done: one at a time for each, and a
 * failure is told.
 */

import { SvelteMap } from 'svelte/reactivity';

import { ApiError } from '../api/client';
import { cancelRequest, loadModel, unloadAll, unloadModel } from '../api/endpoints';
import { toasts } from './toasts.svelte';

const busy = new SvelteMap<string, symbol>();

/** Whether something that we asked for is being done to a model. */
export function isBusy(model: string): boolean {
  return busy.has(model);
}

async function once(model: string, doing: string, run: () => Promise<void>): Promise<boolean> {
  if (busy.has(model)) return false;
  const token = Symbol();
  busy.set(model, token);
  try {
    await run();
    return true;
  } catch (e) {
    // The connection's own state says it where the daemon is not reached.
    if (!(e instanceof ApiError && e.unreachable)) toasts.error(e, doing);
    return false;
  } finally {
    // Another may have taken its place.
    if (busy.get(model) === token) busy.delete(model);
  }
}

/** Resolves when the model is ready, or has failed. */
export function load(model: string): Promise<boolean> {
  return once(model, `Loading ${model}`, () => loadModel(model));
}

/** A load that is under way is broken off by it. */
export async function unload(model: string): Promise<boolean> {
  busy.delete(model);
  return once(model, `Unloading ${model}`, () => unloadModel(model));
}

export async function unloadEverything(): Promise<void> {
  try {
    await unloadAll();
  } catch (e) {
    toasts.error(e, 'Unloading');
  }
}

export async function cancel(request: string): Promise<void> {
  try {
    await cancelRequest(request);
  } catch (e) {
    // It has ended by itself.
    if (!(e instanceof ApiError && e.status === 404)) toasts.error(e, 'Cancelling');
  }
}
