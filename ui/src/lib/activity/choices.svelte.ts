/**
 * What the user has chosen for the table of the activity.
 */

import { Persisted } from '../stores/persisted.svelte';
import { COLUMNS, DEFAULT_COLUMNS } from './columns';
import { SIZES } from './view';

/** Ids of the columns that are shown. */
export const shownColumns = new Persisted<readonly string[]>(
  'activity.columns',
  DEFAULT_COLUMNS,
  (value) => Array.isArray(value) && value.some((id) => COLUMNS.some((one) => one.id === id)),
);

/** Rows a page. */
export const pageSize = new Persisted<number>('activity.size', 50, (value) =>
  SIZES.some((size) => size === value),
);
