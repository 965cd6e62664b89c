/**
 * What every test begins with: the browser has kept nothing.
 */

import { afterEach, beforeEach } from 'vitest';
import { cleanup } from '@testing-library/svelte';

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
});

afterEach(cleanup);
