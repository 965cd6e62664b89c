/**
 * A function for each of the daemon's endpoints that the page uses.
 */

import { getJson, request, sendJson, textChunks } from './client';
import type {
  ActivityPage,
  ActivityQuery,
  ActivityStats,
  Capture,
  Hardware,
  ListedModel,
  ModelDetails,
  Performance,
  ProfileList,
  Settings,
  Timeline,
  Version,
} from './types';

/** A model's id as a part of a path: a slash in it is a part of it, not of the path. */
export function segment(id: string): string {
  return encodeURIComponent(id);
}

/** A query; what is undefined is left out, an array is repeated. */
export function query(values: object): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== '') params.append(name, String(one));
    }
  }
  const text = params.toString();
  return text && `?${text}`;
}

/** Load a model; answers when it is ready. */
export async function loadModel(id: string, signal?: AbortSignal): Promise<void> {
  await sendJson('POST', `/api/models/load/${segment(id)}`, undefined, signal);
}

/** Unload a model; answers when it is gone. */
export async function unloadModel(id: string): Promise<void> {
  await sendJson('POST', `/api/models/unload/${segment(id)}`);
}

export async function unloadAll(): Promise<void> {
  await sendJson('POST', '/api/models/unload');
}

export async function cancelRequest(id: string): Promise<void> {
  await sendJson('POST', `/api/inflight/${segment(id)}/cancel`);
}

export function listActivity(values: ActivityQuery, signal?: AbortSignal): Promise<ActivityPage> {
  return getJson(`/api/metrics/activity${query(values)}`, signal);
}

export function activityStats(model?: string[], signal?: AbortSignal): Promise<ActivityStats> {
  return getJson(`/api/metrics/stats${query({ model })}`, signal);
}

export function getCapture(id: number, signal?: AbortSignal): Promise<Capture> {
  return getJson(`/api/captures/${id}`, signal);
}

/** @param after a sample's timestamp: those that are younger only. */
export function getPerformance(after?: string, signal?: AbortSignal): Promise<Performance> {
  return getJson(`/api/performance${query({ after })}`, signal);
}

export function getHardware(signal?: AbortSignal): Promise<Hardware> {
  return getJson('/api/hardware', signal);
}

export function getProfiles(signal?: AbortSignal): Promise<ProfileList> {
  return getJson('/api/profiles', signal);
}

/** @param name null for none. */
export async function activateProfile(name: string | null): Promise<void> {
  await sendJson('PUT', '/api/profiles/active', { name });
}

export function getVersion(signal?: AbortSignal): Promise<Version> {
  return getJson('/api/version', signal);
}

export function getTimeline(since?: string, signal?: AbortSignal): Promise<Timeline> {
  return getJson(`/api/timeline${query({ since })}`, signal);
}

export function getModel(id: string, signal?: AbortSignal): Promise<ModelDetails> {
  return getJson(`/api/models/${segment(id)}`, signal);
}

export function getSettings(signal?: AbortSignal): Promise<Settings> {
  return getJson('/api/settings', signal);
}

/** All that can be asked by name: models, aliases, peers' models, selectors, pins. */
export async function listModels(signal?: AbortSignal): Promise<ListedModel[]> {
  return (await getJson<{ data: ListedModel[] }>('/v1/models', signal)).data;
}

/** Where a model's own web page is. */
export function upstreamUrl(id: string): string {
  return `/upstream/${segment(id)}/`;
}

/**
 * Follow a log until the signal says to stop, or the daemon ends it.
 *
 * @param name `proxy`, `upstream`, a model's id; empty for all together.
 * @param history whether what was written before comes first.
 * @returns first an empty text, once the daemon follows: a log may be silent for long.
 */
export async function* followLog(
  name: string,
  history: boolean,
  signal: AbortSignal,
): AsyncGenerator<string, void, void> {
  const path = `/logs/stream${name && `/${segment(name)}`}${history ? '' : '?no-history'}`;
  const response = await request(path, { signal, headers: { Accept: 'text/plain' } });
  yield '';
  yield* textChunks(response);
}
