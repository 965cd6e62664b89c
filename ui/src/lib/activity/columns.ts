/**
 * What a row of the activity tells, column by column.
 */

import type { ActivityRow, ActivitySort } from '../api/types';
import { count, duration, numberOf, speed, time, UNKNOWN } from '../format';
import { sessionOf } from './session';

export interface Column {
  id: string;
  /** Above the column. */
  label: string;
  /** What the label leaves out. */
  title?: string;
  /** By what the daemon sorts it; null where it cannot. */
  sort: ActivitySort | null;
  /** Aligned at its end; the largest first when it is sorted. */
  numeric: boolean;
  /** In a fixed-width font. */
  mono?: boolean;
  /** For people. */
  text(row: ActivityRow): string;
  /** For files: null where it is not known. */
  value(row: ActivityRow): string | number | null;
}

const known = (value: number) => (value >= 0 ? value : null);
const fromMetadata = (name: string) => (row: ActivityRow) => {
  const value = numberOf(row.metadata?.[name]);
  return value === null ? null : known(value);
};

/** A column of numbers: -1 is unknown. */
function numbers(
  id: string,
  label: string,
  sort: ActivitySort | null,
  value: (row: ActivityRow) => number | null,
  show: (value: number | null) => string,
  title?: string,
): Column {
  const column: Column = {
    id,
    label,
    sort,
    numeric: true,
    text: (row) => show(value(row)),
    value,
  };
  return title ? { ...column, title } : column;
}

function texts(
  id: string,
  label: string,
  sort: ActivitySort | null,
  value: (row: ActivityRow) => string,
): Column {
  return { id, label, sort, numeric: false, text: (row) => value(row) || UNKNOWN, value };
}

/** Of the drafted tokens, how many were taken: 40 of 64. */
function drafts({ tokens }: ActivityRow): string {
  if (tokens.draft_tokens < 0) return UNKNOWN;
  return `${count(tokens.draft_acc_tokens)} of ${count(tokens.draft_tokens)}`;
}

export const COLUMNS: readonly Column[] = [
  numbers('id', '#', 'id', (row) => row.id, String, 'Number of the row'),
  {
    ...texts('timestamp', 'Ended', 'time', (row) => row.timestamp),
    text: (row) => time(row.timestamp),
  },
  texts('model', 'Model', 'model', (row) => row.model),
  { ...texts('req_path', 'Path', 'req_path', (row) => row.req_path), mono: true },
  numbers(
    'resp_status_code',
    'Status',
    'resp_status_code',
    (row) => row.resp_status_code,
    String,
    'HTTP status of the response',
  ),
  texts('session', 'Session', null, sessionOf),
  numbers(
    'input_tokens',
    'Prompt',
    'prompt',
    (row) => known(row.tokens.input_tokens),
    count,
    'Prompt tokens',
  ),
  numbers(
    'cache_tokens',
    'Cached',
    'cached',
    (row) => known(row.tokens.cache_tokens),
    count,
    'Prompt tokens out of the cache',
  ),
  numbers(
    'output_tokens',
    'Generated',
    'generated',
    (row) => known(row.tokens.output_tokens),
    count,
    'Generated tokens',
  ),
  {
    ...numbers(
      'draft_tokens',
      'Drafted',
      'drafted',
      (row) => known(row.tokens.draft_tokens),
      count,
    ),
    title: 'Drafted tokens that were taken',
    text: drafts,
  },
  numbers(
    'draft_acc_tokens',
    'Drafts taken',
    null,
    (row) => known(row.tokens.draft_acc_tokens),
    count,
  ),
  numbers(
    'prompt_per_second',
    'Prompt/s',
    'prompt_speed',
    (row) => known(row.tokens.prompt_per_second),
    speed,
    'Prompt tokens a second',
  ),
  numbers(
    'tokens_per_second',
    'Tokens/s',
    'gen_speed',
    (row) => known(row.tokens.tokens_per_second),
    speed,
    'Generated tokens a second',
  ),
  numbers(
    'ttft_ms',
    'First token',
    null,
    fromMetadata('ttft_ms'),
    duration,
    'Time to the first token',
  ),
  numbers('queue_ms', 'Waited', null, fromMetadata('queue_ms'), duration, 'Time in the queue'),
  numbers(
    'load_ms',
    'Loading',
    null,
    fromMetadata('load_ms'),
    duration,
    'Time of the load that it caused or joined',
  ),
  numbers('duration_ms', 'Duration', 'duration', (row) => row.duration_ms, duration),
  texts('resp_content_type', 'Type', 'resp_content_type', (row) => row.resp_content_type),
  texts('error_msg', 'Error', null, (row) => row.error_msg),
];

/** Shown until the user chooses. */
export const DEFAULT_COLUMNS: readonly string[] = [
  'id',
  'timestamp',
  'model',
  'req_path',
  'resp_status_code',
  'input_tokens',
  'output_tokens',
  'tokens_per_second',
  'ttft_ms',
  'queue_ms',
  'duration_ms',
];

const BY_ID = new Map(COLUMNS.map((column) => [column.id, column]));

/** @throws Error where there is none: ids come from `COLUMNS`. */
export function columnOf(id: string): Column {
  const column = BY_ID.get(id);
  if (!column) throw new Error(`there is no column ${id}`);
  return column;
}

/** Which column shows a sorting. */
export function columnSortedBy(sort: ActivitySort): string {
  return COLUMNS.find((column) => column.sort === sort)?.id ?? 'id';
}
