/**
 * Which lines of a log match, as the log goes on: each line is looked at once.
 */

import { stripAnsi } from '../text/ansi';
import type { Pattern } from './pattern';

/** The last lines of a log: line `i` of them is number `dropped + i` of the log. */
export interface LogLines {
  readonly lines: readonly string[];
  readonly dropped: number;
}

/** So many lines are looked at between two looks at the clock. */
const STEP = 256;

export class Matches {
  #numbers: number[] = [];
  #head = 0;
  #next = 0;

  constructor(private readonly pattern: Pattern) {}

  get count(): number {
    return this.#numbers.length - this.#head;
  }

  /** Lines below this number were looked at for good: the last one may still grow. */
  get next(): number {
    return this.#next;
  }

  /** The number of the line that is the match so many places from the first. */
  at(index: number): number | undefined {
    return index < 0 ? undefined : this.#numbers[this.#head + index];
  }

  /** How many matches are in lines before this number. */
  before(number: number): number {
    let low = this.#head;
    let high = this.#numbers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#numbers[middle] ?? 0) < number) low = middle + 1;
      else high = middle;
    }
    return low - this.#head;
  }

  /**
   * Look at what is new, and forget what is gone.
   *
   * @param budget milliseconds after which to leave the rest for later.
   * @returns whether all was looked at.
   */
  take({ lines, dropped }: LogLines, budget = Infinity, now = () => performance.now()): boolean {
    this.#head += this.before(dropped);
    if (this.#head > 4096 && this.#head > this.#numbers.length / 2) {
      this.#numbers.splice(0, this.#head);
      this.#head = 0;
    }
    // The line that may have grown meanwhile.
    while (this.count && (this.#numbers.at(-1) ?? 0) >= this.#next) this.#numbers.pop();
    const end = now() + budget;
    let i = Math.max(0, this.#next - dropped);
    while (i < lines.length) {
      const stop = Math.min(lines.length, i + STEP);
      for (; i < stop; i++) {
        if (this.pattern.test(stripAnsi(lines[i] ?? ''))) this.#numbers.push(dropped + i);
      }
      if (i < lines.length && now() >= end) {
        this.#next = dropped + i;
        return false;
      }
    }
    this.#next = dropped + Math.max(0, lines.length - 1);
    return true;
  }
}
