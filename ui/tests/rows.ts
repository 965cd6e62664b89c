/**
 * Records as the daemon sends them, for tests.
 */

import type { ActivityRow, ModelStatus } from '$lib/api/types';

export const START = Date.parse('2026-01-31T12:00:00Z');

/** A row that ended so many seconds after `START`. */
export function row(seconds: number, more: Partial<ActivityRow> = {}): ActivityRow {
  return {
    id: 1,
    timestamp: new Date(START + seconds * 1000).toISOString(),
    model: 'a',
    req_path: '/v1/chat/completions',
    resp_content_type: '',
    resp_status_code: 200,
    tokens: {
      cache_tokens: -1,
      draft_tokens: -1,
      draft_acc_tokens: -1,
      input_tokens: 10,
      output_tokens: 5,
      prompt_per_second: -1,
      tokens_per_second: -1,
    },
    duration_ms: 1,
    has_capture: false,
    error_msg: '',
    metadata: null,
    ...more,
  };
}

/** A model that is down, but for what is said of it. */
export function status(id: string, more: Partial<ModelStatus> = {}): ModelStatus {
  return {
    id,
    name: '',
    description: '',
    state: 'stopped',
    unlisted: false,
    peerID: '',
    aliases: [],
    state_since: new Date(START).toISOString(),
    load_seconds: [],
    failure: null,
    in_flight: 0,
    waiting: 0,
    ttl: 0,
    unload_at: null,
    memory_bytes: null,
    ...more,
  };
}
