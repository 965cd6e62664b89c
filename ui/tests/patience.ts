/**
 * Waiting for what must come, on a machine however slow.
 */

import { vi } from 'vitest';

/** In milliseconds. */
export const PATIENCE = 30_000;

/** Wait until something holds; what it returns. */
export function eventually<T>(holds: () => T): Promise<T> {
  return vi.waitFor(holds, PATIENCE);
}
