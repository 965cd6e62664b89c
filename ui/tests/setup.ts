/**
 * What every test begins with: the browser has kept nothing, and nothing has to be quick.
 */

import { afterEach, beforeEach } from 'vitest';
import { cleanup, configure } from '@testing-library/svelte';

import { PATIENCE } from './patience';

configure({ asyncUtilTimeout: PATIENCE });

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
});

afterEach(cleanup);
