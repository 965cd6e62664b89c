/**
 * A daemon that pretends, for work on the page: models that load, fail and serve, a queue,
 * a timeline, activity, logs, a machine. It knows all that the page asks for, and the page
 * as it was last built.
 *
 *     node dev/fake.mjs [--port 8080] [--models 60] [--rows 10000] [--log-kb 100] [--key secret]
 *
 * Then `npm run dev`, or its own port.
 */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { parseArgs } from 'node:util';

import { STATIC } from '../scripts/files.mjs';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    models: { type: 'string', default: '8' },
    rows: { type: 'string', default: '300' },
    /** Kilobytes of log a second. */
    'log-kb': { type: 'string', default: '0.5' },
    key: { type: 'string', default: '' },
    /** Without requests of its own. */
    quiet: { type: 'boolean', default: false },
  },
});

const iso = (time = Date.now()) => new Date(time).toISOString();
const pick = (list) => list[Math.floor(Math.random() * list.length)];
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const started = Date.now();

// Models.

const NAMED = [
  ['llama-3.3-70b', 'Llama 3.3', 'A large one, for hard questions', { function_calling: true }],
  ['qwen2.5-coder-7b', 'Qwen Coder', 'Writes programs', { function_calling: true }],
  ['org/vision-11b', 'Vision', 'Sees images', { vision: true }],
  ['whisper', 'Whisper', 'Hears', { audio_transcriptions: true }],
  ['kokoro', 'Kokoro', 'Speaks', { audio_speech: true }],
  ['flux', 'Flux', 'Paints', { image_generation: true, image_to_image: true }],
  ['bge-reranker', 'BGE', 'Puts texts in order', { reranker: true }],
  ['broken', 'Broken', 'Never starts', null],
];

const models = new Map();
for (let i = 0; i < Number(options.models); i++) {
  const [id, name, description, capabilities] = NAMED[i] ?? [`model-${i}`, '', '', null];
  models.set(id, {
    id,
    name,
    description,
    state: 'stopped',
    unlisted: false,
    peerID: '',
    aliases: i === 0 ? ['gpt-4o', 'gpt-4o-mini'] : [],
    capabilities,
    context_length: 8192,
    state_since: iso(),
    load_seconds: [3.1, 2.8, 3.4],
    failure: null,
    in_flight: 0,
    waiting: 0,
    ttl: 300,
    unload_at: null,
    memory_bytes: null,
  });
}
models.set('far/mixtral', {
  ...models.values().next().value,
  id: 'far/mixtral',
  name: 'far: mixtral',
  description: '',
  aliases: [],
  peerID: 'far',
});

const changes = [];
const served = [];

function become(model, state, reason = null) {
  model.state = state;
  model.state_since = iso();
  model.memory_bytes = state === 'ready' ? 5_400_000_000 : null;
  model.unload_at = state === 'ready' ? iso(Date.now() + model.ttl * 1000) : null;
  changes.push({ at: iso(), model: model.id, state, reason });
  log('proxy', `[INFO] model ${model.id}: ${state}\n`);
  tellModels();
}

async function load(id) {
  const model = models.get(id);
  if (model.state === 'ready') return;
  if (model.state === 'starting') {
    while (model.state === 'starting') await sleep(50);
    return;
  }
  for (const other of models.values()) {
    if (other !== model && other.state === 'ready' && Math.random() < 0.7) {
      await unload(other.id, `to make way for ${id}`);
    }
  }
  model.failure = null;
  become(model, 'starting');
  const began = Date.now();
  for (let i = 0; i < 30 && model.state === 'starting'; i++) {
    log('upstream', `\x1b[32mload_tensors\x1b[0m: ${id}: layer ${i} of 30\n`);
    await sleep(100);
  }
  if (model.state !== 'starting') throw refusal(503, 'the model was unloaded while it loaded');
  if (id === 'broken') {
    model.failure = {
      message: 'exited with status 1: CUDA out of memory',
      code: 'model_failed',
      at: iso(),
      retry_at: iso(Date.now() + 30_000),
      log: '\x1b[31mCUDA error: out of memory\x1b[0m\n  <img src=x onerror=alert(1)>\nexit 1\n',
    };
    become(model, 'stopped', model.failure.message);
    throw refusal(502, `broken: ${model.failure.message}`);
  }
  model.load_seconds = [...model.load_seconds, (Date.now() - began) / 1000].slice(-5);
  become(model, 'ready');
}

async function unload(id, reason = null) {
  const model = models.get(id);
  if (model.state === 'stopped') return;
  become(model, 'stopping', reason);
  await sleep(400);
  become(model, 'stopped');
}

// Requests.

const inflight = new Map();
const waiting = [];
const rows = [];
let nextRequest = 1;
let turn = Promise.resolve();

function addRow(entry, more) {
  const output = Math.round(20 + Math.random() * 400);
  const row = {
    id: rows.length + 1,
    timestamp: iso(),
    model: entry.model,
    req_path: entry.req_path,
    resp_content_type: 'text/event-stream',
    resp_status_code: 200,
    tokens: {
      cache_tokens: Math.random() < 0.5 ? -1 : 128,
      draft_tokens: -1,
      draft_acc_tokens: -1,
      input_tokens: Math.round(100 + Math.random() * 3000),
      output_tokens: output,
      prompt_per_second: 400 + Math.random() * 600,
      tokens_per_second: 25 + Math.random() * 30,
    },
    duration_ms: Math.round(output * 30),
    has_capture: true,
    error_msg: '',
    metadata: {
      ttft_ms: String(Math.round(80 + Math.random() * 300)),
      queue_ms: '0',
      load_ms: '0',
      ...(Math.random() < 0.3 ? { session_id: `session-${Math.floor(Math.random() * 5)}` } : {}),
    },
    ...more,
  };
  rows.push(row);
  return row;
}

for (let i = 0; i < Number(options.rows); i++) {
  const failed = Math.random() < 0.05;
  addRow(
    { model: pick([...models.keys()]), req_path: '/v1/chat/completions' },
    {
      timestamp: iso(started - (Number(options.rows) - i) * 10_000),
      ...(failed ? { resp_status_code: 502, error_msg: 'upstream is gone' } : {}),
    },
  );
}

async function serve(id, path, run) {
  const entry = {
    id: String(nextRequest++),
    timestamp: iso(),
    model: id,
    req_path: path,
    method: 'POST',
    req_headers: { 'User-Agent': 'fake/1', Authorization: '[REDACTED]' },
    remote_ip: '127.0.0.1',
    resp_headers: null,
    resp_bytes: 0,
    elapsed_ms: 0,
    metadata: {},
    cancelled: false,
  };
  const model = models.get(id);
  inflight.set(entry.id, entry);
  tellInflight({ operation: 'upsert', request: entry });
  const since = Date.now();
  const busy = [...models.values()].find(({ state }) => state === 'ready')?.id;
  waiting.push({
    id: entry.id,
    model: id,
    since: iso(),
    behind: busy && busy !== id ? [busy] : [],
  });
  tellQueue();
  let span = null;
  let status = 200;
  let error = '';
  try {
    // One model at a time loads.
    const mine = turn.then(() => (entry.cancelled ? undefined : load(id)));
    turn = mine.catch(() => undefined);
    await mine;
    leave(entry.id);
    model.in_flight++;
    model.unload_at = null;
    span = { model: id, from: iso(), to: null };
    served.push(span);
    tellModels();
    await run(entry);
  } catch (e) {
    status = e.status ?? 500;
    error = e.message;
    throw e;
  } finally {
    leave(entry.id);
    if (span) {
      model.in_flight--;
      span.to = iso();
      if (model.state === 'ready') model.unload_at = iso(Date.now() + model.ttl * 1000);
    }
    inflight.delete(entry.id);
    tellInflight({ operation: 'remove', id: entry.id });
    tellModels();
    const row = addRow(entry, {
      resp_status_code: entry.cancelled ? 499 : status,
      error_msg: error,
      duration_ms: Date.now() - since,
    });
    tell('activity', { id: row.id });
    log('proxy', `[INFO] Request 127.0.0.1 "POST ${path} HTTP/1.1" ${status} 12 "fake" 1s\n`);
  }
}

function leave(id) {
  const at = waiting.findIndex((one) => one.id === id);
  if (at < 0) return;
  waiting.splice(at, 1);
  tellQueue();
}

async function pass(entry, tokens) {
  for (let i = 0; i < tokens && !entry.cancelled; i++) {
    await sleep(30);
    entry.resp_bytes += 180;
    entry.elapsed_ms += 30;
    if (i % 8 === 0) tellInflight({ operation: 'upsert', request: entry });
  }
}

if (!options.quiet) {
  setInterval(() => {
    if (inflight.size > 6) return;
    const id = pick([...models.values()].filter((model) => !model.peerID).slice(0, 4)).id;
    serve(id, '/v1/chat/completions', (entry) => pass(entry, 40 + Math.random() * 120)).catch(
      () => undefined,
    );
  }, 2500);
}

// Events and logs.

const listeners = new Set();
const readers = new Set();
const history = { proxy: '', upstream: '' };

function tell(type, data, to = listeners) {
  const text = JSON.stringify({ type, data: JSON.stringify(data) });
  for (const response of to) response.write(`event:message\ndata:${text}\n\n`);
}

function tellModels(to) {
  for (const model of models.values()) {
    model.waiting = waiting.filter((one) => one.model === model.id).length;
  }
  tell('modelStatus', [...models.values()], to);
}

function tellQueue(to) {
  const list = waiting.map((one, i) => ({ ...one, position: i + 1 }));
  tell('queue', { waiting: list.slice(0, 200), total: list.length }, to);
}

function tellInflight(event, to) {
  tell('inflight', event, to);
}

function log(source, text) {
  history[source] = (history[source] + text).slice(-100_000);
  tell('logData', { source, data: text });
  for (const { name, response } of readers) {
    if (!name || name === source || (source === 'upstream' && text.includes(name))) {
      response.write(text);
    }
  }
}

const burst = Number(options['log-kb']) * 100;
setInterval(() => {
  for (let left = burst; left > 0; left -= 100) {
    log(
      'upstream',
      `\x1b[2m${iso()}\x1b[0m slot ${'x'.repeat(40)} \x1b[36mtokens\x1b[0m = ${left}\n`,
    );
  }
}, 100);

// The machine.

const sys = [];
const gpu = [];
function sample(at) {
  const wave = 0.5 + 0.5 * Math.sin(at / 60_000);
  const timestamp = iso(at);
  sys.push({
    timestamp,
    cpu_util_per_core: [wave * 80, wave * 50 + 10, 30, 12],
    mem_total_mb: 32_000,
    mem_used_mb: 12_000 + wave * 8000,
    mem_free_mb: 12_000,
    swap_total_mb: 4000,
    swap_used_mb: 100,
    load_avg_1: wave * 3,
    load_avg_5: 1.5,
    load_avg_15: 1.2,
    net_io: [{ name: 'eth0', bytes_recv: at / 10, bytes_sent: at / 30 }],
  });
  gpu.push({
    timestamp,
    id: 0,
    name: 'Fake 4090',
    uuid: 'GPU-0',
    temp_c: 50 + wave * 25,
    vram_temp_c: 60 + wave * 20,
    gpu_util_pct: wave * 95,
    mem_util_pct: 60,
    mem_used_mb: 4000 + wave * 15_000,
    mem_total_mb: 24_000,
    fan_speed_pct: 40,
    power_draw_w: 60 + wave * 300,
  });
  if (sys.length > 720) {
    sys.shift();
    gpu.shift();
  }
}
for (let at = started - 3_600_000; at < started; at += 5000) sample(at);
setInterval(() => sample(Date.now()), 5000);

const HARDWARE = {
  schema_version: 1,
  captured_at: iso(),
  capture: {
    scope: 'inference_host',
    method: 'detected',
    detector: { name: 'fake', version: '1' },
  },
  architecture: { name: 'x86_64', raw_name: 'x86_64' },
  operating_system: { family: 'linux', name: 'Debian GNU/Linux', version: '13', kernel: '6.18.5' },
  environment: { kind: 'bare_metal', name: null, version: null },
  cpu: {
    vendor: 'AMD',
    model: 'AMD EPYC 7B13',
    socket_count: 1,
    physical_core_count: 2,
    logical_thread_count: 4,
  },
  memory: { capacity_bytes: 34_359_738_368 },
  accelerators: [
    {
      index: 0,
      kind: 'gpu',
      vendor: 'NVIDIA',
      model: 'Fake 4090',
      architecture: 'Ada',
      memory: { kind: 'dedicated', capacity_bytes: 25_769_803_776 },
      driver: { name: 'nvidia', version: '570.0' },
      power_limit_watts: 450,
    },
  ],
};

// HTTP.

let active = null;
const PROFILES = [
  { id: 'work', description: 'For work', pins: { 'gpt-4o': 'qwen2.5-coder-7b' } },
  { id: 'night', description: 'Nothing large', pins: { 'llama-3.3-70b': '' } },
];

function refusal(status, message) {
  return Object.assign(new Error(message), { status });
}

function json(response, document, status = 200) {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(document));
}

function known(id) {
  for (const model of models.values()) {
    if (model.id === id || model.aliases.includes(id)) return model;
  }
  throw refusal(404, `there is no model ${JSON.stringify(id)}`);
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const histogram = (from, to) => ({
  bins: [1, 4, 9, 14, 11, 6, 3, 1],
  min: from,
  max: to,
  binSize: (to - from) / 8,
  p50: from + (to - from) * 0.45,
  p95: from + (to - from) * 0.85,
  p99: from + (to - from) * 0.95,
});

const SORTS = {
  model: (row) => row.model,
  req_path: (row) => row.req_path,
  resp_status_code: (row) => row.resp_status_code,
  prompt: (row) => row.tokens.input_tokens,
  generated: (row) => row.tokens.output_tokens,
  cached: (row) => row.tokens.cache_tokens,
  prompt_speed: (row) => row.tokens.prompt_per_second,
  gen_speed: (row) => row.tokens.tokens_per_second,
  duration: (row) => row.duration_ms,
};

function activity(query) {
  const wanted = query.getAll('model');
  const minimum = Number(query.get('min_id') ?? 0);
  const maximum = Number(query.get('max_id') ?? Infinity);
  const start = Date.parse(query.get('start') ?? '') || 0;
  const end = Date.parse(query.get('end') ?? '') || Infinity;
  const limit = Number(query.get('limit') ?? 25);
  const page = Number(query.get('page') ?? 1);
  const by = SORTS[query.get('sort')] ?? ((row) => row.id);
  const sign = query.get('order') === 'asc' ? 1 : -1;
  const found = rows
    .filter((row) => {
      const at = Date.parse(row.timestamp);
      return (
        (!wanted.length || wanted.includes(row.model)) &&
        row.id >= minimum &&
        row.id <= maximum &&
        at >= start &&
        at <= end
      );
    })
    .sort((a, b) => sign * (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : a.id - b.id));
  return {
    data: found.slice((page - 1) * limit, page * limit),
    page,
    limit,
    total: found.length,
    total_pages: Math.ceil(found.length / limit),
  };
}

const ANSWER = `Here is **some Markdown**, with \`code\`:

\`\`\`python
def swap(a, b):
    return b, a
\`\`\`

and a formula, $e^{i\\pi} + 1 = 0$. <img src=x onerror="document.title='hacked'">
`;

async function infer(path, request, response) {
  const body = JSON.parse((await bodyOf(request)).toString('latin1').match(/\{.*\}/s)?.[0] ?? '{}');
  const model = known(body.model ?? models.keys().next().value);
  await serve(model.id, path, async (entry) => {
    response.on('close', () => (entry.cancelled ||= !response.writableFinished));
    if (path === '/v1/chat/completions' && body.stream) {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      const chunk = (delta, more = {}) =>
        response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta }], ...more })}\n\n`);
      for (const word of 'Let me think about that.'.split(/(?<= )/)) {
        chunk({ reasoning_content: word });
        await sleep(40);
      }
      for (const word of ANSWER.split(/(?<= )/)) {
        if (entry.cancelled) return;
        chunk({ content: word });
        await pass(entry, 1);
      }
      chunk(
        {},
        {
          usage: { prompt_tokens: 20, completion_tokens: 60 },
          timings: {
            predicted_n: 60,
            predicted_per_second: 33.1,
            prompt_n: 20,
            prompt_per_second: 510,
          },
        },
      );
      response.end('data: [DONE]\n\n');
      return;
    }
    await pass(entry, 20);
    if (path === '/v1/embeddings') {
      const inputs = [body.input].flat();
      const data = inputs.map((text, index) => ({
        index,
        embedding: Array.from({ length: 16 }, (_, i) => Math.sin(String(text).length * (i + 1))),
      }));
      json(response, { data, usage: { prompt_tokens: 9 } });
    } else if (path === '/v1/rerank') {
      const results = body.documents.map((_, index) => ({
        index,
        relevance_score: 1 / (index + 1.5),
      }));
      json(response, { results });
    } else if (path === '/v1/audio/transcriptions') {
      json(response, { text: 'What was said.' });
    } else if (path === '/v1/images/generations') {
      const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>';
      json(response, { data: [{ b64_json: Buffer.from(svg).toString('base64') }] });
    } else if (path === '/v1/audio/speech') {
      response.writeHead(200, { 'Content-Type': 'audio/wav' });
      const wav = Buffer.alloc(8044);
      wav.write('RIFF\x64\x1f\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0', 0, 'latin1');
      wav.writeUInt32LE(8000, 24);
      wav.writeUInt32LE(8000, 28);
      wav.write('\x01\0\x08\0data\x40\x1f\0\0', 32, 'latin1');
      response.end(wav);
    } else {
      json(response, {
        choices: [{ message: { role: 'assistant', content: ANSWER } }],
        usage: { prompt_tokens: 20, completion_tokens: 60 },
      });
    }
  });
}

async function route(request, response) {
  const url = new URL(request.url, 'http://localhost');
  const path = url.pathname;
  const after = (prefix) => decodeURIComponent(path.slice(prefix.length));
  const { method } = request;
  const secured = options.key && !['/health', '/favicon.ico', '/'].includes(path);
  if (secured && !path.startsWith('/ui/')) {
    const given = request.headers.authorization ?? '';
    if (given !== `Bearer ${options.key}`) throw refusal(401, 'a key is wanted');
  }
  if (path === '/health') return response.end('OK');
  if (path === '/favicon.ico') {
    response.writeHead(200, { 'Content-Type': 'image/svg+xml' });
    return response.end('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>');
  }
  if (path === '/' || path === '/ui') return response.writeHead(302, { Location: '/ui/' }).end();
  if (path === '/api/events') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    const one = [response];
    tell('logData', { source: 'proxy', data: history.proxy }, one);
    tell('logData', { source: 'upstream', data: history.upstream }, one);
    tellModels(one);
    tell('uiConfig', { activity: { session_id: ['X-Session-ID'] } }, one);
    tell('profileChanged', { active }, one);
    tellInflight({ operation: 'snapshot', requests: [...inflight.values()] }, one);
    tellQueue(one);
    listeners.add(response);
    response.on('close', () => listeners.delete(response));
    return undefined;
  }
  if (path === '/logs/stream' || path.startsWith('/logs/stream/')) {
    const name = after('/logs/stream/');
    if (name && !history[name] && !models.has(name)) throw refusal(400, `there is no log ${name}`);
    response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' });
    if (!url.searchParams.has('no-history')) {
      response.write(history[name] ?? (name ? '' : history.proxy + history.upstream) ?? '');
    }
    const reader = { name, response };
    readers.add(reader);
    response.on('close', () => readers.delete(reader));
    return undefined;
  }
  if (method === 'POST') {
    if (path.startsWith('/api/models/load/')) {
      await load(known(after('/api/models/load/')).id);
      return response.end('OK');
    }
    if (path === '/api/models/unload') {
      await Promise.all([...models.keys()].map(unload));
      return json(response, { msg: 'ok' });
    }
    if (path.startsWith('/api/models/unload/')) {
      await unload(known(after('/api/models/unload/')).id);
      return response.end('OK');
    }
    if (path.startsWith('/api/inflight/')) {
      const entry = inflight.get(path.split('/')[3]);
      if (!entry) throw refusal(404, 'there is no such request in flight');
      entry.cancelled = true;
      return json(response, { msg: 'ok' });
    }
    if (path.startsWith('/v1/')) return infer(path, request, response);
  }
  if (method === 'PUT' && path === '/api/profiles/active') {
    active = JSON.parse(await bodyOf(request)).name;
    tell('profileChanged', { active });
    return json(response, { active });
  }
  if (path === '/api/profiles') return json(response, { active, profiles: PROFILES });
  if (path === '/api/version') {
    return json(response, { version: '0.1.0', commit: 'fake', build_date: '' });
  }
  if (path === '/api/timeline') {
    const since = Date.parse(url.searchParams.get('since') ?? '') || 0;
    return json(response, {
      now: iso(),
      events: changes.filter(({ at }) => Date.parse(at) >= since),
      served: served.filter(({ to }) => to === null || Date.parse(to) >= since),
    });
  }
  if (path === '/api/metrics/activity') return json(response, activity(url.searchParams));
  if (path === '/api/metrics/stats') {
    const model = url.searchParams.get('model');
    const mine = rows.filter((row) => !model || row.model === model);
    const sum = (name) => mine.reduce((total, { tokens }) => total + Math.max(0, tokens[name]), 0);
    return json(response, {
      total_requests: mine.length,
      total_input_tokens: sum('input_tokens'),
      total_output_tokens: sum('output_tokens'),
      total_cache_tokens: sum('cache_tokens'),
      prompt_histogram: mine.length ? histogram(400, 1000) : null,
      gen_histogram: mine.length ? histogram(25, 55) : null,
    });
  }
  if (path.startsWith('/api/captures/')) {
    const encoded = (text) => Buffer.from(text).toString('base64');
    const stream = ['Hel', 'lo <b>']
      .map((content) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`)
      .join('');
    return json(response, {
      id: Number(after('/api/captures/')),
      req_path: '/v1/chat/completions',
      req_headers: { 'Content-Type': 'application/json', Authorization: '[REDACTED]' },
      req_body: encoded(
        JSON.stringify({ model: 'a', messages: [{ role: 'user', content: 'Hi' }] }),
      ),
      resp_headers: { 'Content-Type': 'text/event-stream' },
      resp_body: encoded(`${stream}data: [DONE]\n\n`),
    });
  }
  if (path === '/api/performance') {
    const since = Date.parse(url.searchParams.get('after') ?? '') || 0;
    const younger = (list) => list.filter(({ timestamp }) => Date.parse(timestamp) > since);
    return json(response, { enabled: true, sys_stats: younger(sys), gpu_stats: younger(gpu) });
  }
  if (path === '/api/hardware') return json(response, HARDWARE);
  if (path === '/api/settings') {
    return json(response, {
      listen: ['127.0.0.1:8080'],
      version: '0.1.0',
      start_time: iso(started),
      config_path: '/etc/llamaswap/config.yaml',
      models: models.size,
      health_check_timeout: 120,
      log_level: 'info',
      capture_buffer: 5,
      store_path: null,
      max_request_body: 1_073_741_824,
    });
  }
  if (path.startsWith('/api/models/')) {
    const model = known(after('/api/models/'));
    return json(response, {
      id: model.id,
      name: model.name,
      description: model.description,
      aliases: model.aliases,
      cmd: `llama-server --host 127.0.0.1 --port 5801 -m /models/${model.id}.gguf --ctx-size 8192`,
      cmd_stop: null,
      env: { CUDA_VISIBLE_DEVICES: '0', HF_TOKEN: '…' },
      proxy: 'http://127.0.0.1:5801',
      port: 5801,
      check_endpoint: '/health',
      ttl: model.ttl,
      concurrency_limit: 4,
      queue_limit: null,
      unlisted: model.unlisted,
      capabilities: model.capabilities,
      groups: [],
      sets: [],
      filters: { setParams: { temperature: 0.7 }, stripParams: ['top_k'] },
      timeouts: { response_header: 60 },
      metadata: { size: '7B' },
    });
  }
  if (path === '/v1/models') {
    const data = [...models.values()].map(({ id, name, description, state, capabilities }) => ({
      id,
      object: 'model',
      created: 0,
      owned_by: 'llama-swap',
      name,
      description,
      status: { value: state === 'stopped' ? 'unloaded' : 'loaded' },
      capabilities,
      meta: { llamaswap: { type: 'model' } },
    }));
    return json(response, { object: 'list', data });
  }
  if (path.startsWith('/upstream/')) return response.end("the model's own page");
  if (path.startsWith('/ui/')) return page(path.slice('/ui/'.length), response);
  throw refusal(404, `there is nothing at ${path}`);
}

const TYPES = { '.css': 'text/css', '.js': 'text/javascript', '.html': 'text/html' };

function page(name, response) {
  const file = name.startsWith('assets/') ? name : 'index.html';
  try {
    const data = readFileSync(join(STATIC, file));
    response.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' });
    response.end(data);
  } catch {
    throw refusal(404, `${file} is not there: npm run build`);
  }
}

createServer((request, response) => {
  route(request, response).catch((e) => {
    const status = e.status ?? 500;
    if (!e.status) console.error(e);
    if (response.headersSent) return response.destroy();
    return json(
      response,
      { src: 'llama-swap', error: { message: e.message, type: '', param: null, code: '' } },
      status,
    );
  });
}).listen(Number(options.port), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${options.port}/ui/`);
});
