/**
 * Requests to the daemon: with the key, and with errors that say what the server said.
 */

import { getKey } from './key';
import type { ErrorEnvelope } from './types';

/** An answer that is no success, or none: then `status` is 0. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    message: string,
    readonly status: number,
    readonly code = '',
    readonly type = '',
    /** Seconds after which to try again, or null. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }

  /** Whether the daemon was not reached at all. */
  get unreachable(): boolean {
    return this.status === 0;
  }
}

/** Asks the user for a key; true when there is another one to try. */
export type AskForKey = (refused: string | null) => Promise<boolean>;

let askForKey: AskForKey | null = null;
let asking: Promise<boolean> | null = null;

/** Who is asked when the daemon wants a key. */
export function onUnauthorized(ask: AskForKey | null): void {
  askForKey = ask;
}

/** One question, however many requests were refused. */
function anotherKey(refused: string | null): Promise<boolean> {
  if (!askForKey) return Promise.resolve(false);
  if (getKey() !== refused) return Promise.resolve(true);
  asking ??= askForKey(refused).finally(() => (asking = null));
  return asking;
}

/**
 * Whether the browser holds credentials for the daemon, from its own prompt for the page.
 * They are asked for only then: a browser without any would put up that prompt, in the place
 * of ours, for a daemon that wants a key only since the page was opened.
 */
let heldByBrowser: boolean | null = null;
let looking: Promise<void> | null = null;

/** For tests: as in a page that was just opened. */
export function forgetBrowser(): void {
  heldByBrowser = null;
}

/** Whether an error is that of a request that we ended ourselves. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** What to tell the user of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Send a request; where the daemon wants a key, the user is asked and it is sent again.
 *
 * @param path on the daemon, with its leading slash.
 * @returns a response that is a success, of which the body is still to be read.
 * @throws ApiError, or an abort where `init.signal` says so.
 */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  for (;;) {
    const key = getKey();
    const response = await (key ? send(path, init, key) : sendWithoutKey(path, init));
    if (response.ok) return response;
    const error = await errorOf(response);
    if (error.status !== 401 || !(await anotherKey(key))) throw error;
    init.signal?.throwIfAborted();
  }
}

/** With what the browser holds, if it does: the first request tells, the others wait for it. */
async function sendWithoutKey(path: string, init: RequestInit): Promise<Response> {
  while (heldByBrowser === null && looking) await looking;
  if (heldByBrowser !== null) return send(path, init, null, heldByBrowser);
  const first = send(path, init, null, false);
  const known = () => void (looking = null);
  looking = first.then(known, known);
  const response = await first;
  // The page itself came through: with a key, where the daemon wants one.
  heldByBrowser = response.status === 401;
  if (!heldByBrowser) return response;
  response.body?.cancel().catch(() => undefined);
  return send(path, init, null, true);
}

async function send(
  path: string,
  init: RequestInit,
  key: string | null,
  held = false,
): Promise<Response> {
  const headers = new Headers(init.headers);
  if (!headers.has('Accept')) headers.set('Accept', 'application/json, */*;q=0.5');
  if (key) headers.set('Authorization', `Bearer ${key}`);
  try {
    return await fetch(path, {
      cache: 'no-store',
      ...init,
      headers,
      // With a key of ours, the browser's own would be in the way.
      credentials: held ? 'same-origin' : 'omit',
    });
  } catch (error) {
    if (isAbort(error) || init.signal?.aborted) throw error;
    throw new ApiError('The server cannot be reached', 0, 'unreachable');
  }
}

/** What a refusal says, whoever wrote it. */
export async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '');
  let message = text.trim().replace(/^llama-swap: /, '');
  let code = '';
  let type = '';
  try {
    const { error } = JSON.parse(text) as Partial<ErrorEnvelope>;
    if (typeof error === 'string') message = error;
    else if (error) {
      message = String(error.message);
      code = error.code ?? '';
      type = error.type ?? '';
    }
  } catch {
    // Not JSON: the text itself, unless it is a whole page of some proxy.
    if (message.startsWith('<')) message = '';
  }
  const retry = Number(response.headers.get('Retry-After') ?? NaN);
  return new ApiError(
    message.slice(0, 2000) || `${response.status} ${response.statusText}`.trim(),
    response.status,
    code,
    type,
    Number.isFinite(retry) ? retry : null,
  );
}

/** The JSON at a path. */
export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request(path, signal ? { signal } : {});
  return (await response.json()) as T;
}

/** Send JSON, or nothing. */
export async function sendJson(
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<Response> {
  const init: RequestInit = { method };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { 'Content-Type': 'application/json' };
  }
  if (signal) init.signal = signal;
  return request(path, init);
}

/** The pieces of a text, as they come. */
export async function* textChunks(response: Response): AsyncGenerator<string, void, void> {
  if (!response.body) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const text = decoder.decode(value, { stream: !done });
      if (text) yield text;
      if (done) return;
    }
  } finally {
    // Also when whoever reads has had enough.
    reader.cancel().catch(() => undefined);
  }
}
