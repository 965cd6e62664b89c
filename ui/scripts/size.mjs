/**
 * What the first view costs: the index and all that it fetches by itself, as it is sent.
 * Fails where that is more than it may be.
 */

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { STATIC } from './files.mjs';

/** In kB, brotli and gzip alike. */
const BOUND = 120;

const built = JSON.parse(readFileSync(join(STATIC, 'vite-manifest.json'), 'utf8'));
const first = new Set(['index.html']);

function add(name) {
  const chunk = built[name];
  if (first.has(chunk.file)) return;
  first.add(chunk.file);
  for (const css of chunk.css ?? []) first.add(css);
  for (const imported of chunk.imports ?? []) add(imported);
}

add('index.html');

let failed = false;
for (const suffix of ['.br', '.gz']) {
  let total = 0;
  for (const file of first) {
    const path = join(STATIC, file);
    const packed = statSync(path + suffix, { throwIfNoEntry: false });
    total += (packed ?? statSync(path)).size;
  }
  const size = total / 1000;
  failed ||= size > BOUND;
  console.log(`first view, ${suffix}: ${size.toFixed(1)} kB of ${BOUND}, in ${first.size} files`);
}
if (failed) {
  console.error('The first view is too large: load what it does not need when it is needed.');
  process.exit(1);
}
