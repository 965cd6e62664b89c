/**
 * Many requests at once, and how long each took.
 */

import { isAbort, messageOf, sendJson } from '../api/client';
import { readChat } from './chatstream';
import { Meter } from './meter';

export interface LoadTest {
  model: string;
  prompt: string;
  /** All in all. */
  requests: number;
  /** At once. */
  concurrency: number;
  /** Of each answer at most. */
  maxTokens: number;
}

/** How one of the requests went; times are in milliseconds. */
export interface Shot {
  /** Since the test's begin. */
  at: number;
  firstTokenMs: number | null;
  totalMs: number;
  tokens: number;
  tokensPerSecond: number | null;
  /** Empty where it went well. */
  error: string;
}

/** Sends a request, and tells how it went. */
export type Shoot = (test: LoadTest, began: number, signal: AbortSignal) => Promise<Shot>;

export async function shoot(test: LoadTest, began: number, signal: AbortSignal): Promise<Shot> {
  const at = performance.now() - began;
  const meter = new Meter();
  let error = '';
  try {
    const response = await sendJson(
      'POST',
      '/v1/chat/completions',
      {
        model: test.model,
        messages: [{ role: 'user', content: test.prompt }],
        max_tokens: test.maxTokens,
        stream: true,
        stream_options: { include_usage: true },
      },
      signal,
    );
    for await (const event of readChat(response)) meter.take(event);
  } catch (e) {
    if (isAbort(e)) throw e;
    error = messageOf(e);
  }
  const { firstTokenMs, totalMs, tokens, tokensPerSecond } = meter.stats();
  return { at, firstTokenMs, totalMs, tokens: tokens ?? 0, tokensPerSecond, error };
}

/**
 * Run a test: so many at once, until all were sent.
 *
 * @param told of each that has ended.
 */
export async function runLoadTest(
  test: LoadTest,
  told: (shot: Shot) => void,
  signal: AbortSignal,
  fire: Shoot = shoot,
): Promise<void> {
  const began = performance.now();
  let left = test.requests;
  const lane = async () => {
    while (left > 0 && !signal.aborted) {
      left--;
      try {
        told(await fire(test, began, signal));
      } catch (e) {
        // One that was stopped says nothing of how fast it would have been.
        if (!isAbort(e)) throw e;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(test.concurrency, test.requests) }, lane));
}

export interface Percentiles {
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

/** By linear interpolation; null where there is nothing. */
export function percentiles(values: readonly number[]): Percentiles | null {
  if (!values.length) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => {
    const place = share * (sorted.length - 1);
    const low = sorted[Math.floor(place)] ?? 0;
    const high = sorted[Math.ceil(place)] ?? low;
    return low + (high - low) * (place - Math.floor(place));
  };
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

export interface LoadSummary {
  done: number;
  failed: number;
  /** By what they said, how often, the most frequent first. */
  errors: [message: string, count: number][];
  firstToken: Percentiles | null;
  total: Percentiles | null;
  /** Of one request. */
  speed: Percentiles | null;
  /** Of all together. */
  requestsPerSecond: number | null;
  tokensPerSecond: number | null;
}

export function summarize(shots: readonly Shot[]): LoadSummary {
  const good = shots.filter(({ error }) => !error);
  const errors = new Map<string, number>();
  for (const { error } of shots) {
    if (error) errors.set(error, (errors.get(error) ?? 0) + 1);
  }
  const begin = Math.min(...shots.map(({ at }) => at));
  const end = Math.max(...shots.map(({ at, totalMs }) => at + totalMs));
  const seconds = good.length && end > begin ? (end - begin) / 1000 : null;
  const known = (values: (number | null)[]) => values.filter((value) => value !== null);
  return {
    done: good.length,
    failed: shots.length - good.length,
    errors: [...errors].sort((a, b) => b[1] - a[1]),
    firstToken: percentiles(known(good.map(({ firstTokenMs }) => firstTokenMs))),
    total: percentiles(good.map(({ totalMs }) => totalMs)),
    speed: percentiles(known(good.map(({ tokensPerSecond }) => tokensPerSecond))),
    requestsPerSecond: seconds && good.length / seconds,
    tokensPerSecond: seconds && good.reduce((sum, { tokens }) => sum + tokens, 0) / seconds,
  };
}

/** Round values for an axis from 0 to at least `max`: at most six. */
export function ticks(max: number): number[] {
  if (!(max > 0)) return [0, 1];
  const rough = max / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((one) => one * power >= rough) ?? 10;
  const values: number[] = [];
  for (let i = 0; ; i++) {
    values.push(i * step * power);
    if (i * step * power >= max) return values;
  }
}
