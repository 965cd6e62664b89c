/**
 * Which rows of the activity are looked at: filters, order and page, as a link and as a
 * query to the daemon. What the daemon cannot filter by, a predicate filters here.
 */

import type { ActivityQuery, ActivityRow, ActivitySort } from '../api/types';
import { serverNow } from '../stores/clock.svelte';
import { sessionOf } from './session';

export const SPANS = {
  '15m': { label: 'Last 15 minutes', milliseconds: 15 * 60_000 },
  '1h': { label: 'Last hour', milliseconds: 3_600_000 },
  '24h': { label: 'Last 24 hours', milliseconds: 86_400_000 },
  '7d': { label: 'Last 7 days', milliseconds: 7 * 86_400_000 },
} as const;
export type Span = keyof typeof SPANS;

export const STATUSES = {
  ok: { label: 'Successful', keeps: (code: number) => code >= 200 && code < 300 },
  failed: { label: 'Not successful', keeps: (code: number) => code < 200 || code >= 300 },
  '4xx': { label: 'Refused (4xx)', keeps: (code: number) => code >= 400 && code < 500 },
  '5xx': { label: 'Failed (5xx)', keeps: (code: number) => code >= 500 },
} as const;
export type Status = keyof typeof STATUSES;

export const SIZES = [25, 50, 100, 250] as const;

const SORTS: readonly string[] = [
  'id',
  'time',
  'model',
  'req_path',
  'resp_status_code',
  'resp_content_type',
  'cached',
  'prompt',
  'generated',
  'drafted',
  'prompt_speed',
  'gen_speed',
  'duration',
] satisfies ActivitySort[];

export interface Filters {
  models: string[];
  /** Up to now; with it, `start` and `end` are not looked at. */
  span: Span | null;
  /** RFC 3339, or empty. */
  start: string;
  end: string;
  status: Status | null;
  session: string;
  /** Found in the model, the path, the error, a value of the metadata. */
  text: string;
}

export interface View extends Filters {
  sort: ActivitySort;
  order: 'asc' | 'desc';
  page: number;
  /** No rows that came later: pages stay as they are. Null for all. */
  upTo: number | null;
}

export const NO_FILTERS: Filters = {
  models: [],
  span: null,
  start: '',
  end: '',
  status: null,
  session: '',
  text: '',
};

function instant(text: string | null): string {
  return text && !Number.isNaN(Date.parse(text)) ? text : '';
}

function whole(text: string | null, least: number): number | null {
  const value = Number(text ?? NaN);
  return Number.isSafeInteger(value) && value >= least ? value : null;
}

/** The view that a link names; what it says wrongly is not looked at. */
export function viewOf(params: URLSearchParams): View {
  const span = params.get('span');
  const status = params.get('status');
  const sort = params.get('sort');
  return {
    models: [...new Set(params.getAll('model'))],
    span: span && Object.hasOwn(SPANS, span) ? (span as Span) : null,
    start: instant(params.get('start')),
    end: instant(params.get('end')),
    status: status && Object.hasOwn(STATUSES, status) ? (status as Status) : null,
    session: params.get('session') ?? '',
    text: params.get('q') ?? '',
    sort: sort && SORTS.includes(sort) ? (sort as ActivitySort) : 'id',
    order: params.get('order') === 'asc' ? 'asc' : 'desc',
    page: whole(params.get('page'), 1) ?? 1,
    upTo: whole(params.get('upto'), 0),
  };
}

type Params = Record<string, string | string[] | null>;

/** What of a link filters say: null for what it is to leave out. */
export function filterParams(filters: Filters): Params {
  return {
    model: filters.models,
    span: filters.span,
    start: filters.span ? null : filters.start,
    end: filters.span ? null : filters.end,
    status: filters.status,
    session: filters.session,
    q: filters.text,
    page: null,
    upto: null,
  };
}

export function isFiltered(filters: Filters): boolean {
  const { models, span, start, end, status, session, text } = filters;
  return Boolean(models.length || span || start || end || status || session || text);
}

/** The part of the filters that the daemon knows, from now on back. */
export function queryOf(view: View, now = serverNow()): ActivityQuery {
  const query: ActivityQuery = { sort: view.sort, order: view.order };
  if (view.models.length) query.model = view.models;
  if (view.span) {
    query.start = new Date(now - SPANS[view.span].milliseconds).toISOString();
  } else {
    if (view.start) query.start = view.start;
    if (view.end) query.end = view.end;
  }
  if (view.upTo !== null) query.max_id = view.upTo;
  return query;
}

export type Keeps = (row: ActivityRow) => boolean;

/**
 * The part that it does not know.
 *
 * @returns null where there is none: the daemon's pages are ours.
 */
export function keepsOf(filters: Filters): Keeps | null {
  const tests: Keeps[] = [];
  const { status, session } = filters;
  if (status) tests.push((row) => STATUSES[status].keeps(row.resp_status_code));
  if (session) tests.push((row) => sessionOf(row) === session);
  const text = filters.text.trim().toLowerCase();
  if (text) tests.push((row) => textsOf(row).some((one) => one.toLowerCase().includes(text)));
  if (!tests.length) return null;
  return (row) => tests.every((test) => test(row));
}

function textsOf(row: ActivityRow): string[] {
  const own = [row.model, row.req_path, row.error_msg, String(row.resp_status_code)];
  return row.metadata ? [...own, ...Object.values(row.metadata)] : own;
}

/** An instant as a field of the type `datetime-local` has it, by the user's clock. */
export function localOf(rfc3339: string): string {
  const date = new Date(rfc3339);
  if (!rfc3339 || Number.isNaN(date.getTime())) return '';
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19).replace(/:00$/, '');
}

/** The other way: RFC 3339, or empty. */
export function instantOf(local: string): string {
  const date = new Date(local);
  return local && !Number.isNaN(date.getTime()) ? date.toISOString() : '';
}
