import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Samples } from '$lib/machine/samples.svelte';

let answers: (() => void)[];

beforeEach(() => {
  vi.useFakeTimers();
  answers = [];
  vi.stubGlobal('fetch', () => {
    const body = { enabled: true, sys_stats: [], gpu_stats: [] };
    return new Promise<Response>((resolve) => answers.push(() => resolve(Response.json(body))));
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('samples', () => {
  it('are asked for once at a time, however often the tab is looked at', async () => {
    const stop = new Samples().start();
    await vi.advanceTimersByTimeAsync(0);
    for (let i = 0; i < 5; i++) document.dispatchEvent(new Event('visibilitychange'));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(answers).toHaveLength(1);
    answers[0]?.();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(answers).toHaveLength(2);
    stop();
  });
});
