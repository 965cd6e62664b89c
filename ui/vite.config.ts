import { fileURLToPath } from 'node:url';

import { svelte, vitePreprocess } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

/** The daemon that `npm run dev` shows. */
const daemon = process.env['LLAMASWAP_URL'] ?? 'http://127.0.0.1:8080';

/** What is the daemon's: all but the page's own files. */
const PROXIED =
  '^/(api|logs|v1|v|upstream|running|unload|health|metrics|rerank|reranking|completion|infill|sdapi|props|favicon.ico|ui/plain)(/|\\?|$)';

export default defineConfig({
  base: '/ui/',
  plugins: [svelte({ preprocess: vitePreprocess() })],
  resolve: {
    alias: { $lib: fileURLToPath(new URL('./src/lib', import.meta.url)) },
  },
  build: {
    outDir: '../llamaswap_tw/web/static',
    emptyOutDir: true,
    // What has `light-dark()`, so that it stays as it is written.
    target: ['chrome123', 'firefox120', 'safari17.5'],
    // The Content-Security-Policy allows no `data:` but for images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: 'vite-manifest.json',
    reportCompressedSize: false,
    chunkSizeWarningLimit: 700,
  },
  server: {
    port: 5173,
    proxy: { [PROXIED]: { target: daemon, changeOrigin: true } },
  },
});
