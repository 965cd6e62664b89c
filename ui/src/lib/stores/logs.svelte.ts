/**
 * Logs, as lines, and never more of them than a tab can hold.
 */

import type { LogData, LogSource } from '../api/types';
import { perFrame } from './frame';

export const MAX_LINES = 20_000;
export const MAX_CHARACTERS = 8_000_000;

/** A line that never ends is cut here, in characters. */
export const MAX_LINE = 16_384;

/**
 * The last lines of a log. Lines are as they came: untrusted, with ANSI sequences.
 *
 * `version` changes, once a frame at most, when there is something to show; `lines` is a
 * plain array that is changed in place.
 */
export class LogBuffer {
  #version = $state(0);
  #lines: string[] = [];
  #characters = 0;
  #dropped = 0;
  #partial = false;
  readonly #show = perFrame(() => this.#version++);

  constructor(private readonly maxLines = MAX_LINES) {}

  /** Read it where something depends on the lines. */
  get version(): number {
    return this.#version;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** How many lines were here and are no longer: line `i` is number `dropped + i`. */
  get dropped(): number {
    return this.#dropped;
  }

  append(text: string): void {
    if (!text) return;
    const pieces = text.split('\n');
    const tail = pieces.pop() ?? '';
    for (const piece of pieces) {
      this.#extend(piece, true);
      this.#partial = false;
    }
    if (tail) {
      this.#extend(tail, false);
      this.#partial = true;
    }
    this.#bound();
    this.#show();
  }

  clear(): void {
    this.#lines = [];
    this.#characters = 0;
    this.#dropped = 0;
    this.#partial = false;
    this.#show();
  }

  /** Add to the line that has not ended yet, or begin one. */
  #extend(piece: string, whole: boolean): void {
    const lines = this.#lines;
    const before = this.#partial ? (lines.pop() ?? '') : '';
    let line = before + piece;
    if (whole && line.endsWith('\r')) line = line.slice(0, -1);
    if (line.length > MAX_LINE) line = line.slice(0, MAX_LINE);
    lines.push(line);
    this.#characters += line.length - before.length;
  }

  #bound(): void {
    let drop = 0;
    // A tenth at once: shifting an array for every line would be the cost of the whole.
    if (this.#lines.length > this.maxLines) {
      drop = this.#lines.length - Math.floor(this.maxLines * 0.9);
    }
    let characters = this.#characters;
    for (let i = 0; i < drop; i++) characters -= this.#lines[i]?.length ?? 0;
    while (characters > MAX_CHARACTERS && drop < this.#lines.length - 1) {
      characters -= this.#lines[drop++]?.length ?? 0;
    }
    if (!drop) return;
    this.#lines.splice(0, drop);
    this.#characters = characters;
    this.#dropped += drop;
  }
}

/** The two logs that come with the events. */
class Logs {
  readonly proxy = new LogBuffer();
  readonly upstream = new LogBuffer();
  readonly #fresh = new Set<LogSource>();

  /** A new connection: the first that comes of each log is its history. */
  reopened(): void {
    this.#fresh.add('proxy').add('upstream');
  }

  append({ source, data }: LogData): void {
    const buffer = source === 'proxy' ? this.proxy : this.upstream;
    if (this.#fresh.delete(source)) buffer.clear();
    buffer.append(data);
  }
}

export const logs = new Logs();
