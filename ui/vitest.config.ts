import { defineConfig, mergeConfig } from 'vitest/config';

import vite from './vite.config.ts';

// Apart from Vite's: a build has no Vitest.
export default mergeConfig(
  vite,
  defineConfig({
    // Tests mount components: without this they would get Svelte's server half.
    resolve: { conditions: ['browser'] },
    test: {
      environment: 'jsdom',
      environmentOptions: { jsdom: { url: 'http://localhost/ui/' } },
      include: ['tests/**/*.test.ts'],
      setupFiles: ['tests/setup.ts'],
      restoreMocks: true,
      // However slow the machine: longer than what a test waits for.
      testTimeout: 60_000,
      hookTimeout: 60_000,
    },
  }),
);
