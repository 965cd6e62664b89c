/**
 * An answer of `/v1/chat/completions`, as it comes.
 */

import { ApiError, textChunks } from '../api/client';
import { sseEvents } from '../api/sse';
import type { ErrorEnvelope } from '../api/types';

export interface Usage {
  prompt_tokens?: number;
  completion_tokens?: number;
}

/** What llama-server tells of its own speed. */
export interface Timings {
  prompt_n?: number;
  prompt_per_second?: number;
  predicted_n?: number;
  predicted_per_second?: number;
}

export type ChatEvent =
  | { kind: 'text'; text: string }
  | { kind: 'reasoning'; text: string }
  /** The daemon tells that the model loads: no part of the answer. */
  | { kind: 'loading'; text: string }
  | { kind: 'finish'; reason: string }
  | { kind: 'usage'; usage: Usage }
  | { kind: 'timings'; timings: Timings };

interface Piece {
  content?: unknown;
  reasoning_content?: unknown;
  reasoning?: unknown;
}

interface Chunk {
  id?: string;
  object?: string;
  choices?: {
    index?: number;
    delta?: Piece;
    message?: Piece;
    finish_reason?: string | null;
  }[];
  usage?: Usage | null;
  timings?: Timings;
  error?: ErrorEnvelope['error'] | string;
}

/** The status that belongs to the code of an error within a stream; 0 for none. */
const STATUSES: Record<string, number> = {
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  model_not_found: 404,
  conflict: 409,
  rate_limit_exceeded: 429,
  concurrency_limit: 429,
  bad_gateway: 502,
  service_unavailable: 503,
  gateway_timeout: 504,
};

function errorOf(error: ErrorEnvelope['error'] | string): ApiError {
  if (typeof error === 'string') return new ApiError(error, 500);
  const code = String(error.code ?? '');
  const status = STATUSES[code] ?? (Number(code) || 500);
  return new ApiError(String(error.message), status, code, error.type ?? '');
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** What is in a chunk, or in a whole answer. */
export function* chatEvents(chunk: Chunk): Generator<ChatEvent, void, void> {
  if (chunk.error) throw errorOf(chunk.error);
  const choice = chunk.choices?.[0];
  const piece = choice?.delta ?? choice?.message;
  const reasoning = textOf(piece?.reasoning_content) || textOf(piece?.reasoning);
  if (reasoning) {
    // The daemon's own lines are of no completion.
    const ours =
      chunk.id === undefined && chunk.object === undefined && choice?.index === undefined;
    yield { kind: ours ? 'loading' : 'reasoning', text: reasoning };
  }
  const text = textOf(piece?.content);
  if (text) yield { kind: 'text', text };
  if (choice?.finish_reason) yield { kind: 'finish', reason: choice.finish_reason };
  if (chunk.usage) yield { kind: 'usage', usage: chunk.usage };
  if (chunk.timings) yield { kind: 'timings', timings: chunk.timings };
}

/**
 * Read an answer to its end.
 *
 * @throws ApiError where the answer tells of an error, or breaks off.
 */
export async function* readChat(response: Response): AsyncGenerator<ChatEvent, void, void> {
  const type = response.headers.get('Content-Type') ?? '';
  if (!type.includes('text/event-stream')) {
    // A server that does not stream, whatever it is asked.
    yield* chatEvents((await response.json()) as Chunk);
    return;
  }
  let over = false;
  for await (const { data } of sseEvents(wholeChunks(response))) {
    if (data.trim() === '[DONE]') return;
    let chunk: Chunk;
    try {
      chunk = JSON.parse(data) as Chunk;
    } catch {
      continue;
    }
    for (const event of chatEvents(chunk)) {
      over ||= event.kind === 'finish';
      yield event;
    }
  }
  if (!over) throw new ApiError('The answer broke off', 0, 'broken_off');
}

async function* wholeChunks(response: Response): AsyncGenerator<string, void, void> {
  try {
    yield* textChunks(response);
  } catch (e) {
    // What `fetch` throws for a connection that was cut says nothing to anybody.
    if (e instanceof TypeError) throw new ApiError('The answer broke off', 0, 'broken_off');
    throw e;
  }
}
