/**
 * All rows of a view as a file, fetched page by page.
 */

import { listActivity } from '../api/endpoints';
import { saveFile, stamp } from '../save';
import { FORMATS, type FormatName } from './files';
import { allRows, type Fetch } from './scan';
import { keepsOf, queryOf, type View } from './view';

/**
 * @param progress told how many rows were looked at, and of how many.
 * @returns the parts of the file, and how many rows are in it.
 */
export async function exported(
  view: View,
  name: FormatName,
  signal: AbortSignal,
  progress: (looked: number, total: number) => void,
  fetch: Fetch = (query, inner) => listActivity(query, inner),
): Promise<{ parts: string[]; rows: number }> {
  const format = FORMATS[name];
  const parts: string[] = [format.head()];
  let rows = 0;
  for await (const page of allRows(queryOf(view), keepsOf(view), fetch, signal, progress)) {
    const text = format.rows(page, rows === 0);
    if (text) parts.push(text);
    rows += page.length;
  }
  parts.push(format.tail);
  return { parts, rows };
}

export async function exportRows(
  view: View,
  name: FormatName,
  signal: AbortSignal,
  progress: (looked: number, total: number) => void,
): Promise<number> {
  const { parts, rows } = await exported(view, name, signal, progress);
  const { ending, type } = FORMATS[name];
  saveFile(`activity-${stamp()}${ending}`, type, parts);
  return rows;
}
