/**
 * The endpoints that reach models, other than chat.
 */

import { request } from '../api/client';
import { query } from '../api/endpoints';
import { imageUrl } from './images';
import type { Sending } from './task.svelte';

async function post(path: string, body: object, { signal, headers }: Sending): Promise<Response> {
  return request(path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { ...headers, 'Content-Type': 'application/json' },
    signal,
  });
}

/** A form; what is empty is left out. */
function form(fields: Record<string, string | Blob>): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value === '') continue;
    if (typeof value === 'string') data.append(name, value);
    else data.append(name, value, value instanceof File ? value.name : 'file');
  }
  return data;
}

// Images.

export interface Picture {
  /** A `data:` URL, or null where the server only tells where it is. */
  url: string | null;
  elsewhere: string | null;
  /** What the model made of the prompt. */
  revised: string;
}

export interface ImageRequest {
  model: string;
  prompt: string;
  /** `512x512`; empty for the server's choice. */
  size: string;
  n: number;
  /** An image to begin with: then it is changed. */
  source: File | null;
  more: Record<string, unknown>;
}

export async function makeImages(asked: ImageRequest, sending: Sending): Promise<Picture[]> {
  const { model, prompt, size, n, source, more } = asked;
  let response: Response;
  if (source) {
    const body = form({ model, prompt, size, n: String(n), image: source });
    const { signal, headers } = sending;
    response = await request('/v1/images/edits', { method: 'POST', body, headers, signal });
  } else {
    const body = { ...more, model, prompt, n, response_format: 'b64_json', ...(size && { size }) };
    response = await post('/v1/images/generations', body, sending);
  }
  return picturesOf(await response.json());
}

/** @throws Error where there is none. */
export function picturesOf(answer: unknown): Picture[] {
  const { data } = answer as {
    data?: { b64_json?: string; url?: string; revised_prompt?: string }[];
  };
  const pictures: Picture[] = [];
  for (const one of data ?? []) {
    const url = one.b64_json ? imageUrl(one.b64_json) : one.url ? imageUrlOf(one.url) : null;
    const elsewhere = !url && one.url && /^https?:/i.test(one.url) ? one.url : null;
    if (url || elsewhere) pictures.push({ url, elsewhere, revised: one.revised_prompt ?? '' });
  }
  if (!pictures.length) throw new Error('The answer holds no image');
  return pictures;
}

function imageUrlOf(url: string): string | null {
  return url.startsWith('data:image/') ? imageUrl(url) : null;
}

// Speech.

export interface SpeechRequest {
  model: string;
  input: string;
  voice: string;
  response_format: string;
  speed: number;
}

export async function speak(asked: SpeechRequest, sending: Sending): Promise<Blob> {
  const { voice, speed, ...rest } = asked;
  const body = { ...rest, ...(voice && { voice }), ...(speed !== 1 && { speed }) };
  const response = await post('/v1/audio/speech', body, sending);
  const blob = await response.blob();
  if (/json|text/.test(blob.type)) {
    throw new Error(`The model answered with text: ${(await blob.text()).slice(0, 500)}`);
  }
  return blob;
}

/** The voices of a model, which is loaded by that. */
export async function listVoices(model: string, { signal, headers }: Sending): Promise<string[]> {
  const response = await request(`/v1/audio/voices${query({ model })}`, { signal, headers });
  return voicesOf(await response.json());
}

export function voicesOf(answer: unknown): string[] {
  const list = Array.isArray(answer)
    ? answer
    : ((answer as { voices?: unknown; data?: unknown } | null)?.voices ??
      (answer as { data?: unknown } | null)?.data);
  if (!Array.isArray(list)) return [];
  return list
    .map((one: unknown) => {
      if (typeof one === 'string') return one;
      const { id, voice_id, name } = (one ?? {}) as Record<string, unknown>;
      return [id, voice_id, name].find((value) => typeof value === 'string') ?? '';
    })
    .filter((name): name is string => name !== '');
}

// Transcription.

export interface TranscriptionRequest {
  model: string;
  file: File;
  language: string;
  prompt: string;
  response_format: string;
}

export interface Segment {
  start: number;
  end: number;
  text: string;
}

export interface Transcription {
  text: string;
  language: string;
  segments: Segment[];
}

export async function transcribe(
  asked: TranscriptionRequest,
  { signal, headers }: Sending,
): Promise<Transcription> {
  const body = form({ ...asked });
  const response = await request('/v1/audio/transcriptions', {
    method: 'POST',
    body,
    headers,
    signal,
  });
  return transcriptionOf(await response.text());
}

/** JSON of two kinds, or text as it is: SRT, VTT. */
export function transcriptionOf(text: string): Transcription {
  try {
    const answer = JSON.parse(text) as Partial<Transcription>;
    if (typeof answer.text === 'string') {
      return {
        text: answer.text.trim(),
        language: answer.language ?? '',
        segments: Array.isArray(answer.segments) ? answer.segments : [],
      };
    }
  } catch {
    // Text.
  }
  return { text: text.trim(), language: '', segments: [] };
}

// Rerank and embeddings.

export interface Ranked {
  index: number;
  score: number;
  text: string;
}

/** The best first. */
export async function rerank(
  model: string,
  question: string,
  documents: string[],
  sending: Sending,
): Promise<Ranked[]> {
  const body = { model, query: question, documents };
  const response = await post('/v1/rerank', body, sending);
  return rankedOf(await response.json(), documents);
}

/** One without a score comes last. */
const rankOf = ({ score }: Ranked) => (Number.isNaN(score) ? -Infinity : score);

/** @throws Error where it is no ranking. */
export function rankedOf(answer: unknown, documents: string[]): Ranked[] {
  const given = answer as { results?: unknown; data?: unknown };
  const list = given.results ?? given.data ?? answer;
  if (!Array.isArray(list)) throw new Error('The answer holds no ranking');
  return list
    .map((one: { index: number; relevance_score?: unknown; score?: unknown }) => {
      const score = one.relevance_score ?? one.score;
      return {
        index: one.index,
        score: typeof score === 'number' ? score : NaN,
        text: documents[one.index] ?? '',
      };
    })
    .sort((a, b) => rankOf(b) - rankOf(a));
}

export interface Embedded {
  texts: string[];
  vectors: number[][];
}

export async function embed(model: string, texts: string[], sending: Sending): Promise<Embedded> {
  const body = { model, input: texts, encoding_format: 'float' };
  const response = await post('/v1/embeddings', body, sending);
  return { texts, vectors: vectorsOf(await response.json(), texts.length) };
}

/** @throws Error where there is not a vector for each text. */
export function vectorsOf(answer: unknown, expected: number): number[][] {
  const { data } = answer as { data?: { index?: number; embedding?: unknown }[] };
  const vectors: number[][] = [];
  for (const [i, one] of (data ?? []).entries()) {
    const vector = Array.isArray(one.embedding) ? (one.embedding as unknown[]).flat() : null;
    if (vector?.length && vector.every((x) => typeof x === 'number')) {
      vectors[one.index ?? i] = vector;
    }
  }
  const found = vectors.filter(() => true).length;
  if (found !== expected) {
    throw new Error(`The answer holds ${found} vectors for ${expected} texts`);
  }
  return vectors;
}
