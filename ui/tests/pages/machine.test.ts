import { render } from '@testing-library/svelte';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import Machine from '../../src/pages/Machine.svelte';

/** How often samples were asked for. */
let asked: number;

beforeEach(() => {
  vi.useFakeTimers();
  asked = 0;
  const answer = { enabled: true, sys_stats: [], gpu_stats: [] };
  vi.stubGlobal('fetch', (url: string) => {
    if (!url.startsWith('/api/performance'))
      return Promise.resolve(new Response('', { status: 503 }));
    asked++;
    return new Promise((resolve) => setTimeout(() => resolve(Response.json(answer)), 20));
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('the page of the machine asks anew when it is time, and not because an answer came', async () => {
  render(Machine);
  await vi.advanceTimersByTimeAsync(4900);
  expect(asked).toBe(1);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked).toBeGreaterThan(1);
});
