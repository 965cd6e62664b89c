import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { backoff, decodeEvent, EventStream } from '$lib/api/events';
import type { ServerEvent } from '$lib/api/types';

/** A connection whose other end is in the test's hands. */
class Server {
  readonly asked: string[] = [];
  refuse = false;
  locked = false;
  #controllers: ReadableStreamDefaultController<Uint8Array>[] = [];

  readonly fetch = (path: string, init: RequestInit = {}): Promise<Response> => {
    this.asked.push(path);
    if (this.refuse) return Promise.reject(new TypeError('refused'));
    if (this.locked) return Promise.resolve(new Response('', { status: 401 }));
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controllers.push(controller);
        init.signal?.addEventListener('abort', () => {
          controller.error(new DOMException('aborted', 'AbortError'));
        });
      },
    });
    return Promise.resolve(new Response(body));
  };

  send(event: ServerEvent): void {
    const data = JSON.stringify({ type: event.type, data: JSON.stringify(event.data) });
    this.#last.enqueue(new TextEncoder().encode(`event:message\ndata:${data}\n\n`));
  }

  end(): void {
    this.#last.close();
  }

  get #last(): ReadableStreamDefaultController<Uint8Array> {
    const last = this.#controllers.at(-1);
    if (!last) throw new Error('nobody has connected');
    return last;
  }
}

let server: Server;
let told: string[];
let stream: EventStream;

beforeEach(() => {
  vi.useFakeTimers();
  server = new Server();
  vi.stubGlobal('fetch', server.fetch);
  told = [];
  stream = new EventStream({
    opened: () => told.push('opened'),
    event: (event) => told.push(event.type),
    lost: () => told.push('lost'),
  });
});

afterEach(() => {
  stream.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('EventStream', () => {
  it('tells what comes, and comes back when it is lost', async () => {
    stream.start();
    await vi.advanceTimersByTimeAsync(0);
    server.send({ type: 'activity', data: { id: 1 } });
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toEqual(['opened', 'activity']);
    server.end();
    await vi.advanceTimersByTimeAsync(1000);
    expect(told).toEqual(['opened', 'activity', 'lost', 'opened']);
  });

  it('waits longer each time, but not for ever', async () => {
    server.refuse = true;
    stream.start();
    await vi.advanceTimersByTimeAsync(60_000);
    const tries = server.asked.length;
    expect(tries).toBeGreaterThan(6);
    expect(tries).toBeLessThan(15);
    expect(new Set(told)).toEqual(new Set(['lost']));
    server.refuse = false;
    await vi.advanceTimersByTimeAsync(13_000);
    expect(told.at(-1)).toBe('opened');
  });

  it('tries at once when it is told to', async () => {
    server.refuse = true;
    stream.start();
    await vi.advanceTimersByTimeAsync(30_000);
    server.refuse = false;
    stream.hurry();
    await vi.advanceTimersByTimeAsync(0);
    expect(told.at(-1)).toBe('opened');
  });

  it('lets go of a connection on which nothing comes any more', async () => {
    stream.start();
    await vi.advanceTimersByTimeAsync(0);
    server.refuse = true;
    await vi.advanceTimersByTimeAsync(31_000);
    expect(server.asked).toContain('/health');
    expect(told).toContain('lost');
  });

  it('lets go of it also where the clock was set back', async () => {
    stream.start();
    await vi.advanceTimersByTimeAsync(0);
    vi.setSystemTime(Date.now() - 3_600_000);
    server.refuse = true;
    await vi.advanceTimersByTimeAsync(31_000);
    expect(told).toContain('lost');
  });

  it('holds on to one that is only quiet', async () => {
    stream.start();
    await vi.advanceTimersByTimeAsync(100_000);
    expect(server.asked).toContain('/health');
    expect(told).toEqual(['opened']);
  });

  it('does not ask again by itself where no key was given', async () => {
    server.locked = true;
    stream.start();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(server.asked.length).toBe(1);
    server.locked = false;
    stream.hurry();
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toEqual(['lost', 'opened']);
  });

  it('is silent once it is stopped', async () => {
    stream.start();
    await vi.advanceTimersByTimeAsync(0);
    stream.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(told).toEqual(['opened']);
    expect(server.asked).toEqual(['/api/events']);
  });
});

describe('events', () => {
  it('are decoded twice; what we do not know is left out', () => {
    expect(decodeEvent('{"type":"activity","data":"{\\"id\\":7}"}')).toEqual({
      type: 'activity',
      data: { id: 7 },
    });
    for (const data of [
      '',
      'x',
      '{}',
      '{"type":"new","data":"{}"}',
      '{"type":"queue","data":"{"}',
    ]) {
      expect(decodeEvent(data)).toBeNull();
    }
  });

  it('come back within a bound', () => {
    expect(backoff(0, 0)).toBeLessThan(500);
    for (const random of [0, 1]) expect(backoff(1000, random)).toBeLessThanOrEqual(12_500);
  });
});
