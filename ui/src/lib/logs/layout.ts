/**
 * Where each line of a log stands, in rows of one height, so that only those in sight are
 * drawn. It goes on with the log: a line is measured once.
 */

import { stripAnsi } from '../text/ansi';
import type { LogLines, Matches } from './matches';

/** What is in front is cut off when it is so much, and half of all. */
const COMPACT = 4096;

export class Layout {
  /** Numbers of the lines, and the row after each, counted from the first ever. */
  #numbers: number[] = [];
  #ends: number[] = [];
  #head = 0;
  #base = 0;
  #next = 0;

  /**
   * @param columns characters a row, where lines are wrapped; 0 for one row a line.
   * @param matches of which lines only; null for all.
   */
  constructor(
    private readonly columns: number,
    private readonly matches: Matches | null,
  ) {}

  /** How many lines there are. */
  get count(): number {
    return this.#numbers.length - this.#head;
  }

  /** How many rows they take. */
  get rows(): number {
    return (this.#ends.at(-1) ?? this.#base) - this.#base;
  }

  /** The number in the log of the line at a place. */
  numberAt(index: number): number | undefined {
    return index < 0 ? undefined : this.#numbers[this.#head + index];
  }

  /** The row at which the line at a place begins. */
  rowOf(index: number): number {
    const end = index > 0 ? this.#ends[this.#head + index - 1] : undefined;
    return (end ?? this.#base) - this.#base;
  }

  /** The place of the line that covers a row. */
  indexAt(row: number): number {
    return this.#search(this.#ends, row + this.#base + 1);
  }

  /** The place of the first line with this number, or after it. */
  indexOf(number: number): number {
    return this.#search(this.#numbers, number);
  }

  /**
   * Follow the log.
   *
   * @returns how many rows went at the top.
   */
  sync({ lines, dropped }: LogLines): number {
    const gone = this.#drop(this.indexOf(dropped));
    // The line that may have grown, or may not match any more.
    while (this.count && (this.#numbers.at(-1) ?? 0) >= this.#next) {
      this.#numbers.pop();
      this.#ends.pop();
    }
    const { matches } = this;
    const from = Math.max(this.#next, dropped);
    if (matches) {
      for (let i = matches.before(from); i < matches.count; i++) {
        const number = matches.at(i) ?? 0;
        this.#push(number, lines[number - dropped] ?? '');
      }
      this.#next = matches.next;
    } else {
      for (let i = from - dropped; i < lines.length; i++) this.#push(dropped + i, lines[i] ?? '');
      this.#next = dropped + Math.max(0, lines.length - 1);
    }
    return gone;
  }

  #push(number: number, line: string): void {
    this.#numbers.push(number);
    this.#ends.push((this.#ends.at(-1) ?? this.#base) + this.#rowsOf(line));
  }

  #rowsOf(line: string): number {
    if (!this.columns || line.length <= this.columns) return 1;
    return Math.max(1, Math.ceil(stripAnsi(line).length / this.columns));
  }

  #drop(lines: number): number {
    if (!lines) return 0;
    const rows = this.rowOf(lines);
    this.#head += lines;
    this.#base += rows;
    if (this.#head === this.#numbers.length || this.#isHeavy()) {
      this.#numbers.splice(0, this.#head);
      this.#ends.splice(0, this.#head);
      this.#head = 0;
    }
    return rows;
  }

  #isHeavy(): boolean {
    return this.#head > COMPACT && this.#head > this.#numbers.length / 2;
  }

  /** The first place at which a rising list is at least so much. */
  #search(list: readonly number[], least: number): number {
    let low = this.#head;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((list[middle] ?? 0) < least) low = middle + 1;
      else high = middle;
    }
    return low - this.#head;
  }
}
