/**
 * To which session a request belongs: the daemon takes it from the headers that its
 * configuration names, and keeps it under one name.
 */

import type { ActivityRow } from '../api/types';

/** @returns empty where it belongs to none. */
export function sessionOf(row: Pick<ActivityRow, 'metadata'>): string {
  return row.metadata?.['session_id'] ?? '';
}
