import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import {
  ApiError,
  forgetBrowser,
  getJson,
  onUnauthorized,
  request,
  textChunks,
} from '$lib/api/client';
import { getKey, setKey } from '$lib/api/key';

/** Answers each request with the next of these, and keeps what was asked. */
function serve(...responses: (Response | Error)[]): { path: string; init: RequestInit }[] {
  const asked: { path: string; init: RequestInit }[] = [];
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    asked.push({ path, init });
    const next = responses.shift();
    if (next instanceof Response) return next;
    throw next ?? new Error('asked too often');
  });
  return asked;
}

const refused = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers });

const bearer = (init: RequestInit | undefined) => new Headers(init?.headers).get('Authorization');

// The page was opened where no key was wanted.
beforeEach(async () => {
  serve(Response.json({}));
  await request('/first');
});

afterEach(() => {
  forgetBrowser();
  vi.unstubAllGlobals();
  onUnauthorized(null);
  setKey(null);
});

describe('errors', () => {
  it.each([
    [refused(404, { error: { message: 'no such', code: 'not_found' } }), 'no such', 'not_found'],
    [refused(400, { error: 'bad' }), 'bad', ''],
    [refused(502, 'llama-swap: gone\n'), 'gone', ''],
    [refused(502, '<html>a proxy</html>'), '502', ''],
    [refused(500, ''), '500', ''],
    [refused(500, 'null'), 'null', ''],
  ])('say what the server said', async (response, message, code) => {
    serve(response);
    const error = await request('/x').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ message, code, status: response.status });
  });

  it('tell when to try again', async () => {
    serve(refused(429, { error: { message: 'full' } }, { 'Retry-After': '1' }));
    await expect(request('/x')).rejects.toMatchObject({ retryAfter: 1 });
  });

  it('tell a server that is not there from one that refuses', async () => {
    serve(new TypeError('failed'));
    await expect(request('/x')).rejects.toMatchObject({ status: 0, unreachable: true });
  });

  it('leave an abort what it is', async () => {
    serve(new DOMException('stopped', 'AbortError'));
    await expect(request('/x')).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('what the browser holds', () => {
  beforeEach(forgetBrowser);

  it('is sent where the page was opened with it', async () => {
    const asked = serve(refused(401, {}), ...[1, 2, 3].map((n) => Response.json({ n })));
    const all = await Promise.all([getJson('/a'), getJson('/b'), getJson('/c')]);
    expect(all).toHaveLength(3);
    // One looks, and the others wait for what it finds.
    expect(asked.map(({ init }) => init.credentials)).toEqual([
      'omit',
      'same-origin',
      'same-origin',
      'same-origin',
    ]);
  });

  it('is not asked for by a page that needed none, whatever the daemon wants later', async () => {
    const asked = serve(Response.json({}), refused(401, {}), Response.json({}));
    await getJson('/a');
    onUnauthorized(async () => {
      setKey('new');
      return true;
    });
    await getJson('/b');
    expect(asked.map(({ init }) => init.credentials)).toEqual(['omit', 'omit', 'omit']);
    expect(bearer(asked[2]?.init)).toBe('Bearer new');
  });

  it('is looked for again where the server was not reached', async () => {
    const asked = serve(new TypeError('failed'), refused(401, {}), Response.json({}));
    await expect(request('/a')).rejects.toMatchObject({ unreachable: true });
    await request('/b');
    expect(asked.map(({ init }) => init.credentials)).toEqual(['omit', 'omit', 'same-origin']);
  });
});

describe('the key', () => {
  it('is sent where there is one, and the browser’s own is then left out', async () => {
    const asked = serve(Response.json({}), Response.json({}));
    await getJson('/a');
    setKey('secret');
    await getJson('/b');
    expect(bearer(asked[0]?.init)).toBeNull();
    expect(asked[0]?.init.credentials).toBe('omit');
    expect(bearer(asked[1]?.init)).toBe('Bearer secret');
    expect(asked[1]?.init.credentials).toBe('omit');
  });

  it('is asked for once, however many requests wait, and they are sent again', async () => {
    const asked = serve(
      refused(401, {}),
      refused(401, {}),
      Response.json({ n: 1 }),
      Response.json({ n: 2 }),
    );
    const ask = vi.fn(async () => {
      await Promise.resolve();
      setKey('new');
      return true;
    });
    onUnauthorized(ask);
    const answers = await Promise.all([getJson('/a'), getJson('/b')]);
    expect(answers).toEqual([{ n: 1 }, { n: 2 }]);
    expect(ask).toHaveBeenCalledTimes(1);
    expect(asked.slice(2).map(({ init }) => bearer(init))).toEqual(['Bearer new', 'Bearer new']);
  });

  it('may be refused to the page: then the request fails', async () => {
    serve(refused(401, { error: { message: 'a key is wanted' } }));
    onUnauthorized(() => Promise.resolve(false));
    await expect(request('/x')).rejects.toMatchObject({ status: 401 });
  });

  it('is kept for the tab, or for good', () => {
    setKey('a');
    expect(sessionStorage.length).toBe(1);
    expect(localStorage.length).toBe(0);
    setKey('b', true);
    expect(sessionStorage.length).toBe(0);
    expect(getKey()).toBe('b');
    setKey(null);
    expect(getKey()).toBeNull();
    expect(localStorage.length).toBe(0);
  });
});

describe('textChunks', () => {
  it('keeps characters whole that come in two pieces', async () => {
    const bytes = new TextEncoder().encode('zébra €');
    const body = new ReadableStream({
      start(controller) {
        for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
        controller.close();
      },
    });
    let text = '';
    for await (const chunk of textChunks(new Response(body))) text += chunk;
    expect(text).toBe('zébra €');
  });
});
