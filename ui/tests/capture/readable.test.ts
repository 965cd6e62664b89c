import { describe, expect, it } from 'vitest';

import { bodyOf, endingOf, type Body } from '../../src/lib/capture/body';
import type { Part } from '../../src/lib/capture/parts';
import { partsOf, pretty } from '../../src/lib/capture/readable';

const base64 = (text: string) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

async function body(text: string, type = 'application/json'): Promise<Body> {
  const found = await bodyOf(base64(text), { 'content-type': `${type}; charset=utf-8` });
  if (!found) throw new Error('there is no body');
  return found;
}

async function stream(...events: unknown[]): Promise<Part[]> {
  const text = events.map((one) => `data: ${JSON.stringify(one)}\n\n`).join('');
  return partsOf(await body(`${text}data: [DONE]\n\n`, 'text/event-stream'));
}

const of = (parts: Part[]) => parts.map(({ kind, title, text }) => [kind, title, text]);

describe('partsOf a stream', () => {
  it('joins chat completions: reasoning, text, calls of tools, the end', async () => {
    const choice = (delta: unknown, finish_reason: string | null = null) => ({
      choices: [{ index: 0, delta, finish_reason }],
    });
    const parts = await stream(
      choice({ role: 'assistant', reasoning_content: 'Let ' }),
      choice({ reasoning_content: 'me see' }),
      choice({ content: 'Hel' }),
      choice({ content: 'lo <b>' }),
      choice({
        tool_calls: [{ index: 0, function: { name: 'weather', arguments: '{"city":' } }],
      }),
      choice({ tool_calls: [{ index: 0, function: { arguments: '"Bonn"}' } }] }),
      choice({ tool_calls: [{ index: 1, function: { name: 'time', arguments: '{}' } }] }),
      choice({}, 'tool_calls'),
    );
    expect(of(parts)).toEqual([
      ['reasoning', 'Reasoning', 'Let me see'],
      ['text', 'assistant', 'Hello <b>'],
      ['tool', 'Call of weather', '{\n  "city": "Bonn"\n}'],
      ['tool', 'Call of time', '{}'],
      ['note', 'Ended', 'tool_calls'],
    ]);
  });

  it('keeps several answers apart', async () => {
    const parts = await stream(
      { choices: [{ index: 0, text: 'a' }] },
      { choices: [{ index: 1, text: 'x' }] },
      { choices: [{ index: 0, text: 'b' }] },
    );
    expect(of(parts)).toEqual([
      ['text', 'assistant', 'ab'],
      ['text', 'assistant, answer 2', 'x'],
    ]);
  });

  it('joins Anthropic’s messages', async () => {
    const parts = await stream(
      { type: 'message_start', message: { role: 'assistant', content: [] } },
      { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'Hm' } },
      { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'Good ' } },
      { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'day' } },
      { type: 'content_block_start', index: 2, content_block: { type: 'tool_use', name: 'f' } },
      {
        type: 'content_block_delta',
        index: 2,
        delta: { type: 'input_json_delta', partial_json: '{"a":1}' },
      },
      { type: 'message_delta', delta: { stop_reason: 'end_turn' } },
      { type: 'message_stop' },
    );
    expect(of(parts)).toEqual([
      ['reasoning', 'Reasoning', 'Hm'],
      ['text', 'assistant', 'Good day'],
      ['tool', 'Call of f', '{\n  "a": 1\n}'],
      ['note', 'Ended', 'end_turn'],
    ]);
  });

  it('joins OpenAI’s responses', async () => {
    const parts = await stream(
      { type: 'response.created', response: { status: 'in_progress' } },
      { type: 'response.reasoning_summary_text.delta', output_index: 0, delta: 'Because' },
      { type: 'response.output_text.delta', output_index: 1, content_index: 0, delta: 'Yes' },
      { type: 'response.output_text.delta', output_index: 1, content_index: 0, delta: '.' },
      {
        type: 'response.output_item.added',
        output_index: 2,
        item: { type: 'function_call', name: 'f', arguments: '' },
      },
      { type: 'response.function_call_arguments.delta', output_index: 2, delta: '[]' },
      { type: 'response.function_call_arguments.done', output_index: 2, arguments: '[]' },
      { type: 'response.completed', response: { status: 'completed' } },
    );
    expect(of(parts)).toEqual([
      ['reasoning', 'Reasoning', 'Because'],
      ['text', 'assistant', 'Yes.'],
      ['tool', 'Call of f', '[]'],
      ['note', 'Ended', 'completed'],
    ]);
  });

  it('tells an error in it, and what came before a cut', async () => {
    expect(of(await stream({ content: 'so ' }, { error: { message: 'out of memory' } }))).toEqual([
      ['text', 'assistant', 'so '],
      ['error', 'Error', 'out of memory'],
    ]);
    const cut = await body('data: {"content":"far"}\n\ndata: {"con', 'text/event-stream');
    expect(of(partsOf(cut))).toEqual([['text', 'assistant', 'far']]);
  });
});

describe('partsOf JSON', () => {
  it('reads a request as a conversation, and no picture as text', async () => {
    const request = {
      model: 'a',
      messages: [
        { role: 'system', content: 'Be kind' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is it?' },
            { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(5000)}` } },
          ],
        },
        { role: 'tool', content: '4' },
      ],
    };
    expect(of(partsOf(await body(JSON.stringify(request))))).toEqual([
      ['text', 'system', 'Be kind'],
      ['text', 'user', 'What is it?'],
      ['note', 'user, image', 'image/png, 5022 characters'],
      ['text', 'tool', '4'],
    ]);
  });

  it('reads whole answers of each API', async () => {
    const chat = { choices: [{ message: { role: 'assistant', content: 'Hi' } }] };
    const message = { type: 'message', role: 'assistant', content: [{ type: 'text', text: 'Hi' }] };
    const response = {
      output: [
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Hi' }] },
      ],
    };
    for (const one of [chat, message, response]) {
      expect(of(partsOf(await body(JSON.stringify(one))))).toEqual([['text', 'assistant', 'Hi']]);
    }
    expect(of(partsOf(await body('{"error":{"message":"no"}}')))).toEqual([
      ['error', 'Error', 'no'],
    ]);
  });

  it('says nothing of what is cut, or odd', async () => {
    for (const text of ['{"messages":[{"ro', 'null', '[1]', '{"messages":7,"choices":[null]}']) {
      expect(partsOf(await body(text))).toEqual([]);
    }
  });
});

describe('bodyOf', () => {
  it('knows binary by its type and by its bytes', async () => {
    const wave = await bodyOf(btoa('RIFF'), { 'Content-Type': 'audio/x-wav' });
    expect([wave?.kind, wave?.text, endingOf(wave?.type ?? '', 'binary')]).toEqual([
      'binary',
      null,
      '.wav',
    ]);
    expect((await bodyOf(btoa('a\0b'), null))?.kind).toBe('binary');
    expect((await bodyOf(btoa('\xff\xfe'), null))?.kind).toBe('binary');
  });

  it('reads text that was cut within a character', async () => {
    const cut = btoa(String.fromCharCode(...new TextEncoder().encode('grün').slice(0, 3)));
    const found = await bodyOf(cut, null, { truncated: true, whole: 5 });
    expect([found?.text, found?.size]).toEqual(['gr', 5]);
  });

  it('is nothing where nothing was kept', async () => {
    expect(await bodyOf(null, null)).toBeNull();
  });
});

describe('pretty', () => {
  it('indents JSON and the data of events, and leaves all else', async () => {
    expect(pretty(await body('{"a":1}'))).toBe('{\n  "a": 1\n}');
    expect(pretty(await body('event: x\ndata: {"a":1}\n\n', 'text/event-stream'))).toBe(
      'x\n{\n  "a": 1\n}',
    );
    expect(pretty(await body('{broken'))).toBe('{broken');
    expect(pretty(await body('plain', 'text/plain'))).toBe('plain');
  });
});
