/**
 * A captured body: its bytes, and what they are.
 */

import type { Headers } from '../api/types';

export type BodyKind = 'json' | 'events' | 'lines' | 'text' | 'binary';

export interface Body {
  bytes: Uint8Array<ArrayBuffer>;
  /** Without parameters, in lower case; empty where none was told. */
  type: string;
  kind: BodyKind;
  /** Null for what is binary. */
  text: string | null;
  /** Whether it was cut when it was captured. */
  truncated: boolean;
  /** Of the whole, in bytes. */
  size: number;
}

/** What comes out of a compressed body is looked at up to here, in bytes. */
const MOST = 64 * 1024 * 1024;

/** A header's value, whatever the case of its name. */
export function header(headers: Headers | null | undefined, name: string): string {
  const wanted = name.toLowerCase();
  for (const [key, value] of Object.entries(headers ?? {})) {
    if (key.toLowerCase() === wanted) return value;
  }
  return '';
}

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/**
 * @param base64 null where nothing was kept.
 * @param whole of it, in bytes, where that is more than was kept.
 */
export async function bodyOf(
  base64: string | null,
  headers: Headers | null,
  { truncated = false, whole }: { truncated?: boolean; whole?: number | undefined } = {},
): Promise<Body | null> {
  if (base64 === null) return null;
  const raw = bytesOf(base64);
  const bytes = await decompressed(raw, header(headers, 'Content-Encoding'));
  const type = (header(headers, 'Content-Type').split(';')[0] ?? '').trim().toLowerCase();
  const text = textOf(bytes, type, truncated);
  const kind = text === null ? 'binary' : kindOf(type, text);
  return { bytes, type, kind, text, truncated, size: Math.max(whole ?? 0, raw.length) };
}

/** As it was sent where it cannot be decompressed: cut, or no browser knows how. */
async function decompressed(
  bytes: Uint8Array<ArrayBuffer>,
  encoding: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const name = encoding.trim().toLowerCase();
  const format = name === 'gzip' || name === 'x-gzip' ? 'gzip' : name === 'deflate' ? name : null;
  if (!format) return bytes;
  // It is captured as it was read: perhaps without it already.
  if (format === 'gzip' && !(bytes[0] === 0x1f && bytes[1] === 0x8b)) return bytes;
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  try {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream(format));
    for await (const piece of stream as unknown as AsyncIterable<Uint8Array<ArrayBuffer>>) {
      pieces.push(piece);
      size += piece.length;
      if (size > MOST) break;
    }
  } catch {
    // What came before the cut is still worth reading.
    if (!size) return bytes;
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

const TEXTUAL = /^text\/|[/+](json|xml|yaml|javascript|x-ndjson|x-www-form-urlencoded)\b/;
const SOUND_OR_PICTURE = /^(audio|image|video|font)\//;

/** The text that bytes are, or null: no text has a NUL, and ours is UTF-8. */
function textOf(bytes: Uint8Array, type: string, truncated: boolean): string | null {
  if (SOUND_OR_PICTURE.test(type) && type !== 'image/svg+xml') return null;
  if (!TEXTUAL.test(type) && bytes.subarray(0, 4096).includes(0)) return null;
  try {
    // A cut may be within a character: one that goes on is not at fault then.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: truncated });
  } catch {
    return TEXTUAL.test(type) ? new TextDecoder().decode(bytes) : null;
  }
}

function kindOf(type: string, text: string): BodyKind {
  if (type === 'text/event-stream') return 'events';
  if (type.includes('ndjson') || type.includes('jsonl')) return 'lines';
  const start = text.slice(0, 256).trimStart();
  if (/^(data|event|id|retry):|^:/.test(start) && !type.includes('json')) return 'events';
  // Some say JSON and mean it, some say nothing.
  if (/[/+]json$/.test(type) || start.startsWith('{') || start.startsWith('[')) return 'json';
  return 'text';
}

/** How a file of it ends. */
export function endingOf(type: string, kind: BodyKind): string {
  if (kind === 'json') return '.json';
  if (kind === 'lines') return '.ndjson';
  if (kind !== 'binary') return '.txt';
  const sub = /^(?:audio|image|video|application)\/(?:x-)?([a-z0-9]+)$/.exec(type)?.[1];
  return sub && sub !== 'octet' ? `.${sub}` : '.bin';
}
