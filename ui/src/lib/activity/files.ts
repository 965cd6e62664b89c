/**
 * Rows as files: CSV for spreadsheets, JSON for programs.
 */

import type { ActivityRow } from '../api/types';
import { COLUMNS } from './columns';

/**
 * A cell of CSV (RFC 4180). What a client or a model wrote must not be a formula to a
 * spreadsheet that opens the file: such a text gets an apostrophe before it.
 *
 * Source: OWASP, "CSV Injection".
 */
export function csvCell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
  const safe = /^[\s\0]*[=+\-@|%\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/.test(value)
    ? `'${value}`
    : value;
  return /[",;\r\n\t']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function csvLine(cells: readonly (string | number | null)[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

/** All columns, by their ids, and the metadata as JSON. */
export function csvHead(): string {
  return csvLine([...COLUMNS.map(({ id }) => id), 'metadata']);
}

export function csvRows(rows: readonly ActivityRow[]): string {
  return rows
    .map((row) => csvLine([...COLUMNS.map((one) => one.value(row)), metadata(row)]))
    .join('');
}

function metadata(row: ActivityRow): string {
  return row.metadata && Object.keys(row.metadata).length ? JSON.stringify(row.metadata) : '';
}

/** Of a file in pieces: the text of each page of rows, and what is around them. */
export interface Format {
  label: string;
  type: string;
  ending: string;
  head(): string;
  rows(rows: readonly ActivityRow[], first: boolean): string;
  tail: string;
}

export const FORMATS = {
  csv: {
    label: 'CSV',
    type: 'text/csv;charset=utf-8',
    ending: '.csv',
    // Spreadsheets take it for UTF-8 by the mark.
    head: () => `\ufeff${csvHead()}`,
    rows: (rows) => csvRows(rows),
    tail: '',
  },
  json: {
    label: 'JSON',
    type: 'application/json',
    ending: '.json',
    head: () => '[\n',
    rows: (rows, first) => {
      const text = rows.map((row) => JSON.stringify(row)).join(',\n');
      return text && !first ? `,\n${text}` : text;
    },
    tail: '\n]\n',
  },
} satisfies Record<string, Format>;

export type FormatName = keyof typeof FORMATS;
