/**
 * What the daemon sends: a type for every record and event. Names are those on the wire.
 *
 * A time is RFC 3339 unless its name says otherwise.
 */

/** Where a model's process stands. A model that failed is stopped, with a `failure`. */
export type ModelState = 'stopped' | 'starting' | 'ready' | 'stopping' | 'shutdown';

/** Why the last start of a model came to nothing. */
export interface Failure {
  message: string;
  code: string;
  at: string;
  /** When it may be tried again, or null where nothing holds it back. */
  retry_at: string | null;
  /** The last lines of its output; untrusted, with ANSI sequences. */
  log: string;
}

/** What a model can do; only what is so is there. */
export interface Capabilities {
  vision?: boolean;
  audio_transcriptions?: boolean;
  audio_speech?: boolean;
  image_generation?: boolean;
  image_to_image?: boolean;
  function_calling?: boolean;
  reranker?: boolean;
  [name: string]: boolean | undefined;
}

/** A model in the event `modelStatus`. All from `state_since` on: of newer daemons only. */
export interface ModelStatus {
  id: string;
  name: string;
  description: string;
  state: ModelState;
  unlisted: boolean;
  /** The peer that it is at; empty for one of this daemon's own. */
  peerID: string;
  aliases: string[];
  capabilities?: Capabilities | null;
  /** Tokens; 0 where it is not known. */
  context_length?: number;
  state_since?: string | null;
  /** Seconds that the last loads took, at most five, the newest last. */
  load_seconds?: number[];
  failure?: Failure | null;
  in_flight?: number;
  waiting?: number;
  /** Seconds without a request until it is unloaded; 0 for never. */
  ttl?: number;
  unload_at?: string | null;
  memory_bytes?: number | null;
}

export type LogSource = 'proxy' | 'upstream';

export interface LogData {
  source: LogSource;
  data: string;
}

export interface UiConfig {
  /** Names of `metadata` that tell to which session a request belongs. */
  activity?: { session_id?: string[] };
}

export type Headers = Record<string, string>;

/** A request that is being answered, or waits. */
export interface InflightEntry {
  id: string;
  timestamp: string;
  model: string;
  req_path: string;
  method: string;
  req_headers: Headers | null;
  remote_ip: string;
  resp_headers: Headers | null;
  resp_bytes: number;
  elapsed_ms: number;
  metadata: Record<string, string> | null;
}

export type InflightEvent =
  | { operation: 'snapshot'; requests: InflightEntry[] }
  | { operation: 'upsert'; request: InflightEntry }
  | { operation: 'remove'; id: string };

/** A request that waits for its model. */
export interface Waiting {
  /** Of its entry among those in flight. */
  id: string;
  model: string;
  since: string;
  /** From 1 on. */
  position: number;
  /** The models that have to go, or to be served, before. */
  behind: string[];
}

/** By the type of an event, what its data is. */
export interface EventData {
  logData: LogData;
  modelStatus: ModelStatus[];
  uiConfig: UiConfig;
  profileChanged: { active: string | null };
  activity: { id: number };
  inflight: InflightEvent;
  /** The first of those who wait, and how many there are. */
  queue: { waiting: Waiting[]; total?: number };
}

export type EventType = keyof EventData;

export type ServerEvent = { [T in EventType]: { type: T; data: EventData[T] } }[EventType];

/** What a request took and gave. -1 is unknown. */
export interface Tokens {
  cache_tokens: number;
  draft_tokens: number;
  draft_acc_tokens: number;
  input_tokens: number;
  output_tokens: number;
  prompt_per_second: number;
  tokens_per_second: number;
}

/** A request that has ended. */
export interface ActivityRow {
  id: number;
  /** Of its end. */
  timestamp: string;
  model: string;
  req_path: string;
  resp_content_type: string;
  resp_status_code: number;
  tokens: Tokens;
  duration_ms: number;
  has_capture: boolean;
  error_msg: string;
  /** Among others `ttft_ms`, `queue_ms`, `load_ms`: numbers, as text. */
  metadata: Record<string, string> | null;
}

export type ActivitySort =
  | 'id'
  | 'time'
  | 'model'
  | 'req_path'
  | 'resp_status_code'
  | 'resp_content_type'
  | 'cached'
  | 'prompt'
  | 'generated'
  | 'drafted'
  | 'prompt_speed'
  | 'gen_speed'
  | 'duration';

export interface ActivityQuery {
  model?: string[];
  start?: string;
  end?: string;
  min_id?: number;
  max_id?: number;
  /** 1 to 999. */
  limit?: number;
  /** From 1 on. */
  page?: number;
  sort?: ActivitySort;
  order?: 'asc' | 'desc';
}

export interface ActivityPage {
  data: ActivityRow[];
  page: number;
  limit: number;
  total: number;
  total_pages: number;
}

export interface Histogram {
  bins: number[];
  min: number;
  max: number;
  binSize: number;
  p50: number;
  p95: number;
  p99: number;
}

export interface ActivityStats {
  total_requests: number;
  total_input_tokens: number;
  total_output_tokens: number;
  total_cache_tokens: number;
  prompt_histogram: Histogram | null;
  gen_histogram: Histogram | null;
}

/** A request and its response, as they were; bodies base64, null where not kept. */
export interface Capture {
  id: number;
  req_path: string;
  req_headers: Headers | null;
  req_body: string | null;
  /** Of the whole, in bytes; with whether it was cut: of newer daemons only. */
  req_body_size?: number;
  req_body_truncated?: boolean;
  resp_headers: Headers | null;
  resp_body: string | null;
  resp_body_size?: number;
  resp_body_truncated?: boolean;
}

export interface SysSample {
  timestamp: string;
  cpu_util_per_core: number[];
  mem_total_mb: number;
  mem_used_mb: number;
  mem_free_mb: number;
  swap_total_mb: number;
  swap_used_mb: number;
  load_avg_1: number;
  load_avg_5: number;
  load_avg_15: number;
  /** Counters since the machine's start. */
  net_io: { name: string; bytes_recv: number; bytes_sent: number }[];
}

export interface GpuSample {
  timestamp: string;
  id: number;
  name: string;
  uuid: string;
  temp_c: number;
  vram_temp_c: number;
  gpu_util_pct: number;
  mem_util_pct: number;
  mem_used_mb: number;
  mem_total_mb: number;
  fan_speed_pct: number;
  power_draw_w: number;
}

export interface Performance {
  enabled: boolean;
  sys_stats: SysSample[];
  gpu_stats: GpuSample[];
}

type Maybe<T> = T | null;

export interface Accelerator {
  index: number;
  kind: Maybe<string>;
  vendor: Maybe<string>;
  model: Maybe<string>;
  architecture: Maybe<string>;
  memory: Maybe<{ kind: Maybe<string>; capacity_bytes: Maybe<number> }>;
  driver: Maybe<{ name: Maybe<string>; version: Maybe<string> }>;
  power_limit_watts: Maybe<number>;
}

export interface Hardware {
  schema_version: number;
  captured_at: string;
  capture: {
    scope: string;
    method: string;
    detector: { name: string; version: string };
  };
  architecture: Maybe<{ name: Maybe<string>; raw_name: Maybe<string> }>;
  operating_system: Maybe<{
    family: Maybe<string>;
    name: Maybe<string>;
    version: Maybe<string>;
    kernel: Maybe<string>;
  }>;
  environment: Maybe<{ kind: Maybe<string>; name: Maybe<string>; version: Maybe<string> }>;
  cpu: Maybe<{
    vendor: Maybe<string>;
    model: Maybe<string>;
    socket_count: Maybe<number>;
    physical_core_count: Maybe<number>;
    logical_thread_count: Maybe<number>;
  }>;
  memory: Maybe<{ capacity_bytes: Maybe<number> }>;
  accelerators: Accelerator[];
}

export interface Profile {
  id: string;
  description: string;
  /** By model name, what is served in its place; empty where it is disabled. */
  pins: Record<string, string>;
}

export interface ProfileList {
  active: string | null;
  profiles: Profile[];
}

export interface Version {
  version: string;
  commit: string;
  build_date: string;
}

/** A change of a model's state. */
export interface StateChange {
  at: string;
  model: string;
  state: ModelState;
  reason: string | null;
}

/** A time in which a model had requests; `to` is null while it has. */
export interface Served {
  model: string;
  from: string;
  to: string | null;
}

export interface Timeline {
  now: string;
  events: StateChange[];
  served: Served[];
}

/** What `GET /api/models/<id>` tells; secrets are masked. */
export interface ModelDetails {
  id: string;
  name: string;
  description: string;
  aliases: string[];
  cmd: string;
  cmd_stop: string | null;
  env: Record<string, string>;
  proxy: string;
  port: number | null;
  check_endpoint: string | null;
  ttl: number;
  concurrency_limit: number | null;
  queue_limit: number | null;
  unlisted: boolean;
  capabilities: Capabilities | string[] | null;
  groups: ModelGroup[];
  sets: ModelSet[];
  filters: Record<string, unknown>;
  timeouts: Record<string, unknown>;
  metadata: Record<string, unknown>;
  /** All times in seconds. */
  unload_timeout?: number | null;
  queue_timeout?: number | null;
  priority?: number;
  use_model_name?: string;
  send_loading_state?: boolean;
  ignore_websockets?: boolean;
}

/** A group that a model is in. */
export interface ModelGroup {
  id: string;
  /** Whether its members put each other out. */
  swap: boolean;
  /** Whether they put out those of other groups. */
  exclusive: boolean;
  /** Whether those of other groups cannot put them out. */
  persistent: boolean;
  members: string[];
}

/** A set of models that may run together, as it is written. */
export interface ModelSet {
  name: string;
  text: string;
}

/** What `GET /api/settings` tells; newer daemons may tell more. */
export interface Settings {
  listen: string[];
  version: string;
  start_time: string;
  config_path: string | null;
  models: number;
  health_check_timeout: number;
  log_level: string;
  /** Megabytes. */
  capture_buffer: number;
  store_path: string | null;
  max_request_body: number;
  [name: string]: unknown;
}

/** A record of `GET /v1/models`. */
export interface ListedModel {
  id: string;
  object: 'model';
  created: number;
  owned_by: string;
  name?: string;
  description?: string;
  status?: { value: 'loaded' | 'unloaded' };
  architecture?: { input_modalities: string[]; output_modalities: string[]; modality: string };
  capabilities?: Capabilities;
  supported_parameters?: string[];
  context_length?: number;
  meta?: {
    n_ctx?: number;
    llamaswap?: {
      type: 'model' | 'alias' | 'peer' | 'selector' | 'profile';
      aliases?: string[];
      modelID?: string;
      peerID?: string;
      strategy?: string;
      targets?: string[];
      spillover?: unknown;
      [name: string]: unknown;
    };
  };
}

/** The envelope of an error. */
export interface ErrorEnvelope {
  src?: string;
  error: { message: string; type?: string; param?: string | null; code?: string };
}
