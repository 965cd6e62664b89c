/**
 * Rows of activity, and a daemon that has them.
 */

import type { ActivityPage, ActivityQuery, ActivityRow } from '../../src/lib/api/types';

export function row(id: number, more: Partial<ActivityRow> = {}): ActivityRow {
  return {
    id,
    timestamp: new Date(Date.UTC(2026, 0, 1) + id * 1000).toISOString(),
    model: 'a',
    req_path: '/v1/chat/completions',
    resp_content_type: 'application/json',
    resp_status_code: 200,
    tokens: {
      cache_tokens: -1,
      draft_tokens: -1,
      draft_acc_tokens: -1,
      input_tokens: 10,
      output_tokens: 20,
      prompt_per_second: -1,
      tokens_per_second: 30.5,
    },
    duration_ms: 1000,
    has_capture: false,
    error_msg: '',
    metadata: null,
    ...more,
  };
}

/** Answers as the daemon does, the newest first; what was asked is in `asked`. */
export class FakeRows {
  readonly asked: ActivityQuery[] = [];

  constructor(public rows: ActivityRow[]) {}

  readonly fetch = (query: ActivityQuery): Promise<ActivityPage> => {
    this.asked.push(query);
    const { page = 1, limit = 25, min_id = 0, max_id = Infinity } = query;
    const found = this.rows
      .filter(({ id }) => id >= min_id && id <= max_id)
      .sort((a, b) => (query.order === 'asc' ? a.id - b.id : b.id - a.id));
    return Promise.resolve({
      data: found.slice((page - 1) * limit, page * limit),
      page,
      limit,
      total: found.length,
      total_pages: Math.ceil(found.length / limit),
    });
  };
}

export function manyRows(count: number, more?: (id: number) => Partial<ActivityRow>): FakeRows {
  return new FakeRows(Array.from({ length: count }, (_, i) => row(i + 1, more?.(i + 1))));
}
