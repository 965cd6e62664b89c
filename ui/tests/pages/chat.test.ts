import { fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { chat } from '$lib/playground/chat.svelte';
import { router } from '$lib/router.svelte';

import Chat from '../../src/pages/playground/Chat.svelte';

const asked = vi.fn<(path: string, init: RequestInit) => Promise<Response>>();

beforeEach(() => {
  // jsdom lays nothing out, and scrolls nowhere.
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe(): void {}
      unobserve(): void {}
      disconnect(): void {}
    },
  );
  vi.stubGlobal('scrollTo', () => undefined);
  asked.mockReset().mockImplementation(() => new Promise(() => undefined));
  vi.stubGlobal('fetch', asked);
});

afterEach(() => {
  chat.fresh();
  vi.unstubAllGlobals();
  router.go('/ui/');
});

describe('the page of the chat', () => {
  it('asks the model that its link names, also before the browser has told what it keeps', async () => {
    vi.spyOn(chat, 'begin').mockReturnValue(new Promise(() => undefined));
    router.go('/ui/playground/chat?model=far%2Fone');
    render(Chat);
    const message = screen.getByLabelText('Message');
    await fireEvent.input(message, { target: { value: 'Hello' } });
    await fireEvent.keyDown(message, { key: 'Enter' });
    expect(chat.conversation.turns.map(({ text }) => text)).toEqual(['Hello']);
    const [, init] = asked.mock.calls.find(([path]) => path === '/v1/chat/completions') ?? [];
    expect(JSON.parse(String(init?.body))).toMatchObject({ model: 'far/one' });
  });
});
