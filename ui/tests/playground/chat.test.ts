import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { chat } from '$lib/playground/chat.svelte';

import { eventually } from '../patience';

/** What is asked of the daemon, driven by hand. */
class Server {
  readonly bodies: { model: string; messages: { content: unknown }[] }[] = [];
  #controllers: ReadableStreamDefaultController<Uint8Array>[] = [];
  refusal: Response | null = null;

  fetch = (_: string, init: RequestInit): Promise<Response> => {
    this.bodies.push(JSON.parse(String(init.body)));
    if (this.refusal) return Promise.resolve(this.refusal);
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controllers.push(controller);
        init.signal?.addEventListener('abort', () =>
          controller.error(new DOMException('stopped', 'AbortError')),
        );
      },
    });
    return Promise.resolve(
      new Response(stream, { headers: { 'Content-Type': 'text/event-stream' } }),
    );
  };

  say(content: string, request = this.#controllers.length - 1): void {
    const chunk = { id: 'x', choices: [{ index: 0, delta: { content } }] };
    this.#send(`data: ${JSON.stringify(chunk)}\n\n`, request);
  }

  end(request = this.#controllers.length - 1): void {
    this.#send('data: [DONE]\n\n', request);
    this.#controllers[request]?.close();
  }

  close(): void {
    this.#controllers.at(-1)?.close();
  }

  #send(text: string, request: number): void {
    this.#controllers[request]?.enqueue(new TextEncoder().encode(text));
  }
}

let server: Server;

const turns = () => chat.conversation.turns;
const answer = (turn = turns().length - 1, column = 0) => turns()[turn]?.answers[column];
const idle = () => eventually(() => expect(chat.busy).toBe(false));
const asked = (count: number) => eventually(() => expect(server.bodies.length).toBe(count));

beforeEach(() => {
  server = new Server();
  vi.stubGlobal('fetch', server.fetch);
  chat.fresh();
  chat.conversation.models = ['a'];
});

afterEach(async () => {
  chat.stop();
  await idle();
  vi.unstubAllGlobals();
});

describe('the chat', () => {
  async function talk(question: string, said: string): Promise<void> {
    const before = server.bodies.length;
    chat.ask(question);
    await asked(before + 1);
    server.say(said);
    server.end();
    await idle();
  }

  it('writes an answer as it comes', async () => {
    chat.ask('Hi');
    await asked(1);
    server.say('Hel');
    await eventually(() => expect(answer()?.text).toBe('Hel'));
    expect(answer()?.state).toBe('running');
    server.say('lo');
    server.end();
    await idle();
    expect(answer()).toMatchObject({ text: 'Hello', state: 'done' });
    expect(answer()?.stats?.tokens).toBe(2);
    expect(chat.conversation.title).toBe('Hi');
  });

  it('keeps what came before it was stopped', async () => {
    chat.ask('Hi');
    await asked(1);
    server.say('Hel');
    await eventually(() => expect(answer()?.text).toBe('Hel'));
    chat.stop();
    await idle();
    expect(answer()).toMatchObject({ text: 'Hel', state: 'stopped', problem: null });
  });

  it('goes on from what was said', async () => {
    await talk('q1', 'a1');
    await talk('q2', 'a2');
    expect(server.bodies[1]?.messages.map(({ content }) => content)).toEqual(['q1', 'a1', 'q2']);
  });

  it('has an answer again in the place of the last', async () => {
    await talk('q1', 'a1');
    chat.regenerate(turns()[0]?.id ?? '', 0);
    await asked(2);
    server.say('other');
    server.end();
    await idle();
    expect(answer()?.text).toBe('other');
    expect(server.bodies[1]?.messages).toEqual(server.bodies[0]?.messages);
  });

  it('puts the answer back where it cannot be had again, and says why', async () => {
    await talk('q1', 'a1');
    const error = { message: 'no model "a"', type: 'invalid_request_error', code: 'not_found' };
    server.refusal = Response.json({ error }, { status: 404 });
    chat.regenerate(turns()[0]?.id ?? '', 0);
    await idle();
    expect(answer()).toMatchObject({
      text: 'a1',
      state: 'done',
      problem: { title: 'There is no such model' },
    });
    server.refusal = null;
    chat.regenerate(turns()[0]?.id ?? '', 0);
    await asked(3);
    server.say('other');
    server.end();
    await idle();
    expect(answer()).toMatchObject({ text: 'other', state: 'done', problem: null });
  });

  it('puts the answer back where it is stopped before there is another', async () => {
    await talk('q1', 'a1');
    chat.regenerate(turns()[0]?.id ?? '', 0);
    await asked(2);
    expect(answer()).toMatchObject({ text: '', state: 'running' });
    chat.stop();
    await idle();
    expect(answer()).toMatchObject({ text: 'a1', state: 'done', problem: null });
    chat.regenerate(turns()[0]?.id ?? '', 0);
    await asked(3);
    server.say('oth');
    await eventually(() => expect(answer()?.text).toBe('oth'));
    chat.stop();
    await idle();
    expect(answer()).toMatchObject({ text: 'oth', state: 'stopped' });
  });

  it('has one answer again while the other still comes', async () => {
    chat.conversation.models = ['a', 'b'];
    chat.ask('q1');
    await asked(2);
    server.say('from a', 0);
    server.end(0);
    server.say('from', 1);
    await eventually(() => expect(answer(0, 0)?.state).toBe('done'));
    chat.regenerate(turns()[0]?.id ?? '', 0);
    await asked(3);
    server.say(' b', 1);
    server.end(1);
    server.say('again', 2);
    server.end(2);
    await idle();
    expect([answer(0, 0)?.text, answer(0, 1)?.text]).toEqual(['again', 'from b']);
  });

  it('asks something else in the place of a question, and drops what came after', async () => {
    await talk('q1', 'a1');
    await talk('q2', 'a2');
    chat.askAgain(turns()[0]?.id ?? '', 'other', []);
    await asked(3);
    server.end();
    await idle();
    expect(turns()).toHaveLength(1);
    expect(server.bodies[2]?.messages).toEqual([{ role: 'user', content: 'other' }]);
  });

  it('asks the next with an answer as it was rewritten', async () => {
    await talk('q1', 'a1');
    chat.rewrite(turns()[0]?.id ?? '', 0, 'mine');
    await talk('q2', 'a2');
    expect(server.bodies[1]?.messages[1]?.content).toBe('mine');
  });

  it('asks two models at once, each with its own answers', async () => {
    chat.conversation.models = ['a', 'b'];
    chat.ask('q1');
    await asked(2);
    server.say('from a', 0);
    server.say('from b', 1);
    server.end(0);
    server.end(1);
    await idle();
    expect([answer(0, 0)?.text, answer(0, 1)?.text]).toEqual(['from a', 'from b']);
    chat.ask('q2');
    await asked(4);
    expect(server.bodies[3]).toMatchObject({ model: 'b' });
    expect(server.bodies[3]?.messages[1]?.content).toBe('from b');
  });

  it('shows why there is no answer', async () => {
    const error = { message: 'no model "a"', type: 'invalid_request_error', code: 'not_found' };
    server.refusal = Response.json({ error }, { status: 404 });
    chat.ask('Hi');
    await idle();
    expect(answer()).toMatchObject({
      state: 'failed',
      problem: { title: 'There is no such model', message: 'no model "a"', status: 404 },
    });
  });

  it('says so where an answer breaks off, and keeps what came', async () => {
    chat.ask('Hi');
    await asked(1);
    server.say('Hel');
    await eventually(() => expect(answer()?.text).toBe('Hel'));
    // Without its end.
    server.close();
    await idle();
    expect(answer()).toMatchObject({
      state: 'failed',
      text: 'Hel',
      problem: { title: 'The answer broke off' },
    });
  });

  it('says so where the browser keeps nothing, and goes on', async () => {
    await talk('q1', 'a1');
    await eventually(() => expect(chat.unkept).not.toBe(''));
    await talk('q2', 'a2');
    expect(answer()?.text).toBe('a2');
  });
});
