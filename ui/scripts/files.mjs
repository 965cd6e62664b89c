/**
 * Where the build is, and what is in it.
 */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const STATIC = fileURLToPath(new URL('../../llamaswap_tw/web/static/', import.meta.url));

/** All files of the build, as paths within it. */
export function files() {
  return readdirSync(STATIC, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(STATIC.length))
    .sort();
}
