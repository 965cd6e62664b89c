/**
 * After the build: each file compressed beside itself, and `manifest.json`, by which the
 * daemon serves them. Brotli and gzip at their best cost nothing here; the daemon never
 * compresses.
 */

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

import { files, STATIC } from './files.mjs';

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** These are compressed already. */
const COMPRESSED = new Set(['.woff2']);

const manifest = { files: {} };
for (const path of files()) {
  if (path === 'vite-manifest.json') continue;
  const extension = extname(path);
  const type = TYPES[extension];
  if (!type) throw new Error(`${path}: what type has ${extension}? Say so in compress.mjs`);
  const data = readFileSync(join(STATIC, path));
  const encodings = [];
  if (!COMPRESSED.has(extension)) {
    const brotli = brotliCompressSync(data, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
        [constants.BROTLI_PARAM_SIZE_HINT]: data.length,
      },
    });
    const gzip = gzipSync(data, { level: 9 });
    for (const [name, suffix, packed] of [
      ['br', '.br', brotli],
      ['gzip', '.gz', gzip],
    ]) {
      if (packed.length >= data.length) continue;
      writeFileSync(join(STATIC, path + suffix), packed);
      encodings.push(name);
    }
  }
  manifest.files[path] = {
    type,
    etag: createHash('sha256').update(data).digest('base64url').slice(0, 22),
    encodings,
  };
}
// The last: where it is, all that it names is.
writeFileSync(join(STATIC, 'manifest.json'), `${JSON.stringify(manifest, null, 1)}\n`);
