import { describe, expect, it } from 'vitest';

import { ApiError } from '$lib/api/client';
import { readChat, type ChatEvent } from '$lib/playground/chatstream';
import { Meter } from '$lib/playground/meter';
import { problemOf } from '$lib/playground/problem';
import { withoutThinking } from '$lib/playground/thinking';

async function read(...lines: (object | string)[]): Promise<ChatEvent[]> {
  const body = lines
    .map((line) => `data: ${typeof line === 'string' ? line : JSON.stringify(line)}\n\n`)
    .join('');
  const headers = { 'Content-Type': 'text/event-stream' };
  const events: ChatEvent[] = [];
  for await (const event of readChat(new Response(body, { headers }))) events.push(event);
  return events;
}

const delta = (piece: object, finish_reason: string | null = null) => ({
  id: 'x',
  object: 'chat.completion.chunk',
  choices: [{ index: 0, delta: piece, finish_reason }],
});

describe('readChat', () => {
  it('tells text, reasoning, the end and the figures apart', async () => {
    const usage = { prompt_tokens: 3, completion_tokens: 2 };
    expect(
      await read(
        delta({ role: 'assistant', content: null }),
        delta({ reasoning_content: 'hm' }),
        delta({ reasoning: 'so' }),
        delta({ content: 'Hi' }),
        delta({}, 'stop'),
        { id: 'x', choices: [], usage, timings: { predicted_n: 2 } },
        '[DONE]',
      ),
    ).toEqual([
      { kind: 'reasoning', text: 'hm' },
      { kind: 'reasoning', text: 'so' },
      { kind: 'text', text: 'Hi' },
      { kind: 'finish', reason: 'stop' },
      { kind: 'usage', usage },
      { kind: 'timings', timings: { predicted_n: 2 } },
    ]);
  });

  it('takes what the daemon tells of the loading for no reasoning', async () => {
    const told = { choices: [{ delta: { reasoning_content: 'Loading' } }] };
    expect((await read(told, delta({ content: 'a' }), '[DONE]'))[0]).toEqual({
      kind: 'loading',
      text: 'Loading',
    });
  });

  it('throws an error that is told within the stream, with its status', async () => {
    const error = { message: 'gone', type: 'server_error', code: 'bad_gateway' };
    await expect(read(delta({ content: 'a' }), { error })).rejects.toMatchObject({
      message: 'gone',
      status: 502,
    });
  });

  it('takes an answer without its end for one that broke off', async () => {
    await expect(read(delta({ content: 'a' }))).rejects.toMatchObject({ code: 'broken_off' });
  });

  it('reads on over what is no JSON', async () => {
    expect(await read('{half', delta({ content: 'a' }), '[DONE]')).toHaveLength(1);
  });

  it('takes a whole answer of a server that does not stream', async () => {
    const body = { choices: [{ message: { content: 'Hi' }, finish_reason: 'stop' }] };
    const events = [];
    for await (const event of readChat(Response.json(body))) events.push(event);
    expect(events[0]).toEqual({ kind: 'text', text: 'Hi' });
  });
});

describe('withoutThinking', () => {
  it.each([
    ['Hi', '', 'Hi'],
    ['<think>\nhm\n</think>\n\nHi', 'hm', 'Hi'],
    ['\n<thinking>hm', 'hm', ''],
    ['<think>hm</thi', 'hm', ''],
    ['<think>a < b', 'a < b', ''],
    ['Use <think> here', '', 'Use <think> here'],
    ['<think></think>Hi', '', 'Hi'],
  ])('parts %j', (raw, reasoning, text) => {
    expect(withoutThinking(raw)).toEqual({ reasoning, text });
  });
});

describe('Meter', () => {
  function measured() {
    let now = 1000;
    const meter = new Meter(() => now);
    return { meter, pass: (ms: number) => (now += ms) };
  }

  it("takes the server's own figures first", () => {
    const { meter, pass } = measured();
    pass(100);
    meter.take({ kind: 'text', text: 'a' });
    meter.take({ kind: 'usage', usage: { prompt_tokens: 7, completion_tokens: 30 } });
    meter.take({
      kind: 'timings',
      timings: { predicted_n: 31, predicted_per_second: 42, prompt_per_second: 500 },
    });
    expect(meter.stats()).toMatchObject({
      firstTokenMs: 100,
      tokens: 31,
      tokensPerSecond: 42,
      promptTokens: 7,
      promptPerSecond: 500,
      estimated: false,
    });
  });

  it('counts pieces where the server tells nothing, and says so', () => {
    const { meter, pass } = measured();
    pass(500);
    for (let i = 0; i < 11; i++) {
      if (i) pass(100);
      meter.take({ kind: 'text', text: 'a' });
    }
    expect(meter.stats()).toMatchObject({
      firstTokenMs: 500,
      totalMs: 1500,
      tokens: 11,
      tokensPerSecond: 10,
      estimated: true,
    });
  });

  it('measures over the tokens of the usage, where pieces hold several', () => {
    const { meter, pass } = measured();
    meter.take({ kind: 'text', text: 'a b c' });
    pass(1000);
    meter.take({ kind: 'text', text: 'd e f' });
    meter.take({ kind: 'usage', usage: { completion_tokens: 41 } });
    expect(meter.stats()).toMatchObject({ tokens: 41, tokensPerSecond: 40 });
  });

  it('tells how long the model loaded and reasoned', () => {
    const { meter, pass } = measured();
    pass(2000);
    meter.ready();
    pass(50);
    meter.take({ kind: 'reasoning', text: 'hm' });
    pass(300);
    meter.take({ kind: 'text', text: 'a' });
    meter.ready();
    expect(meter.stats()).toMatchObject({ firstTokenMs: 2050, loadMs: 2000, reasoningMs: 300 });
  });

  it('takes a load of which it is told late, no longer than the first token took', () => {
    const { meter, pass } = measured();
    pass(1000);
    meter.take({ kind: 'text', text: 'a' });
    meter.loaded(5000);
    expect(meter.stats().loadMs).toBe(1000);
  });

  it('knows nothing of an answer that never came', () => {
    const { meter, pass } = measured();
    pass(10);
    expect(meter.stats()).toMatchObject({
      firstTokenMs: null,
      tokens: null,
      tokensPerSecond: null,
      totalMs: 10,
    });
  });
});

describe('problemOf', () => {
  it.each([
    [0, 'unreachable', 'The server cannot be reached'],
    [401, 'unauthorized', 'The key was not accepted'],
    [404, 'model_not_found', 'There is no such model'],
    [429, 'concurrency_limit', 'Too many requests for this model'],
    [502, 'bad_gateway', 'The model failed'],
    [504, 'gateway_timeout', 'The model did not answer in time'],
    [418, '', 'The request was refused'],
    [599, '', 'The model failed'],
    [0, 'broken_off', 'The answer broke off'],
  ])('says what %i %s is', (status, code, title) => {
    expect(problemOf(new ApiError('x', status, code))).toMatchObject({ title, message: 'x' });
  });

  it("parts the model's output from the reason", () => {
    const error = new ApiError('it exited; its last output:\none\ntwo', 502);
    expect(problemOf(error)).toMatchObject({ message: 'it exited', log: 'one\ntwo' });
  });

  it("has the model's last lines where its start failed, and not of a refusal", () => {
    const failure = { message: '', code: '', at: '', retry_at: null, log: 'out of memory' };
    expect(problemOf(new ApiError('x', 502), failure).log).toBe('out of memory');
    expect(problemOf(new ApiError('x', 404), failure).log).toBe('');
  });

  it('takes colours out of the message', () => {
    expect(problemOf(new ApiError('\u001b[31mred\u001b[0m', 502)).message).toBe('red');
  });

  it('tells when to try again', () => {
    expect(problemOf(new ApiError('x', 429, '', '', 1)).retryAfter).toBe(1);
  });
});
