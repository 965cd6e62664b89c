import { fireEvent, render, screen, within } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { models } from '$lib/stores/models.svelte';
import { queue } from '$lib/stores/queue.svelte';
import { lanesOf } from '$lib/timeline/lanes';

import FailureNote from '../../src/pages/now/FailureNote.svelte';
import ModelTable from '../../src/pages/now/ModelTable.svelte';
import Queue from '../../src/pages/now/Queue.svelte';
import Timeline from '../../src/pages/now/Timeline.svelte';
import { status } from '../rows';

/** It stands still: what is shown of a duration is what was given. */
const NOW = Date.UTC(2026, 2, 1, 12);

const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();
const soon = (seconds: number) => ago(-seconds);

beforeEach(() => {
  vi.useFakeTimers({ now: NOW, toFake: ['Date'] });
  // jsdom lays nothing out.
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe(): void {}
      unobserve(): void {}
      disconnect(): void {}
    },
  );
  models.replace([]);
  queue.replace([]);
});

afterEach(() => {
  vi.useRealTimers();
});

describe('the table of models', () => {
  const row = (name: string) => screen.getByRole('row', { name: new RegExp(`^${name}`) });

  it('tells a model that is up by a word, its requests and when it goes', () => {
    const list = [
      status('a', {
        state: 'ready',
        in_flight: 2,
        ttl: 90,
        unload_at: soon(60.5),
        memory_bytes: 3 * 1024 ** 3,
      }),
    ];
    render(ModelTable, { list, total: 1, activeOnly: false });
    const cells = within(row('a'))
      .getAllByRole('cell')
      .map((cell) => cell.textContent.trim());
    expect(cells.slice(0, 3)).toEqual(['Ready', '2', '0']);
    expect(cells[5]).toMatch(/^1 min/);
    expect(cells[6]).toBe('3.0 GiB');
    expect(screen.getByRole('button', { name: 'Unload a' })).toBeDefined();
    const link = screen.getByRole('link', { name: 'Open the web page of a' });
    expect(link.getAttribute('href')).toBe('/upstream/a/');
  });

  it('shows how far a load is by how long it took before', () => {
    const list = [status('a', { state: 'starting', state_since: ago(2), load_seconds: [4, 4, 4] })];
    render(ModelTable, { list, total: 1, activeOnly: false });
    const bar = screen.getByRole('progressbar', { name: 'Loading a' });
    expect(Number(bar.getAttribute('aria-valuenow'))).toBe(50);
    expect(bar.getAttribute('aria-valuetext')).toContain('usually 4.00 s');
  });

  it('says why a model failed and when requests try again', () => {
    const failure = {
      message: 'exited with status 1',
      code: 'x',
      at: ago(5),
      retry_at: soon(25.5),
      log: 'out of memory\n',
    };
    render(ModelTable, { list: [status('a', { failure })], total: 1, activeOnly: false });
    const note = screen.getByRole('group', { name: 'Why a failed' });
    expect(note.textContent).toContain('exited with status 1');
    expect(note.textContent).toMatch(/in 26 s/);
    expect(within(note).getByRole('region').textContent.trim()).toBe('out of memory');
  });

  it('tells a search that found nothing from a configuration without models', () => {
    render(ModelTable, { list: [], total: 3, activeOnly: false });
    expect(screen.getByText('No model is called like that')).toBeDefined();
  });
});

describe('a failure', () => {
  it('leaves what a model wrote as text, without its escape sequences', () => {
    const log = '\x1b[31m<img src=x onerror=alert(1)>\x1b[0m\x1b]0;title\x07\n';
    const failure = { message: '<b>bad</b>', code: '', at: ago(1), retry_at: null, log };
    const { container } = render(FailureNote, { model: 'a', failure });
    expect(container.querySelector('img, b')).toBeNull();
    expect(screen.getByText('<img src=x onerror=alert(1)>').classList).toContain('ansi-1');
    expect(container.textContent).not.toContain('title');
  });

  it('shows the last lines first, and all on demand', async () => {
    const log = Array.from({ length: 9 }, (_, i) => `line ${i}`).join('\n');
    const failure = { message: 'm', code: '', at: ago(1), retry_at: null, log };
    render(FailureNote, { model: 'a', failure });
    expect(screen.queryByText('line 0')).toBeNull();
    expect(screen.getByText('line 8')).toBeDefined();
    await fireEvent.click(screen.getByRole('button', { name: 'All 9 last lines' }));
    expect(screen.getByText('line 0')).toBeDefined();
  });
});

describe('the queue', () => {
  it('says who waits for what, how long and behind what', () => {
    models.replace([status('a'), status('b', { state: 'ready', in_flight: 1 })]);
    queue.replace([{ id: '7', model: 'a', since: ago(12), position: 1, behind: ['b'] }]);
    render(Queue);
    const cells = screen
      .getAllByRole('cell')
      .map((cell) => cell.textContent.replace(/\s+/g, ' ').trim());
    expect(cells.slice(0, 4)).toEqual(['1', 'a request', 'a', 'behind b (1 in flight)']);
    expect(cells[4]).toBe('12 s');
    expect(
      screen.getByRole('button', { name: 'Cancel the request that waits for a, place 1' }),
    ).toBeDefined();
  });

  it('takes several loads by hand, which have no id and cannot be cancelled', () => {
    models.replace([status('a')]);
    const load = { id: '', model: 'a', since: ago(1), position: 0, behind: [] };
    queue.replace([load, { ...load }]);
    render(Queue);
    expect(screen.getAllByText('a load by hand')).toHaveLength(2);
    expect(screen.queryByRole('button')).toBeNull();
  });

  it('counts those that were not told, of all and of one model', () => {
    const told = Array.from({ length: 200 }, (_, i) => ({
      id: String(i),
      model: 'a',
      since: ago(1),
      position: i + 1,
      behind: [],
    }));
    models.replace([status('a', { waiting: 1500 }), status('b', { waiting: 500 })]);
    queue.replace(told, 2000);
    const all = render(Queue);
    expect(screen.getByRole('heading').textContent.trim()).toBe('Queue 2,000');
    expect(screen.getByText('And 1,950 more.')).toBeDefined();
    all.unmount();
    const one = render(Queue, { model: 'a' });
    expect(screen.getByText('And 1,450 more.')).toBeDefined();
    one.unmount();
    render(Queue, { model: 'b' });
    expect(screen.getByText('500 behind the first 200 of the queue.')).toBeDefined();
  });

  it('counts what it shows where all were told, whatever the status says', () => {
    models.replace([status('a', { waiting: 3 })]);
    queue.replace([{ id: '1', model: 'a', since: ago(1), position: 1, behind: [] }], 1);
    render(Queue, { model: 'a' });
    expect(screen.getByRole('heading').textContent.trim()).toBe('Queue 1');
    expect(screen.queryByText(/more/)).toBeNull();
  });

  it('says so where nobody waits', () => {
    render(Queue);
    expect(screen.getByText('Nobody waits.')).toBeDefined();
  });
});

describe('the timeline', () => {
  const lanes = lanesOf(
    [
      { at: ago(60), model: 'a', state: 'starting', reason: null },
      { at: ago(57), model: 'a', state: 'ready', reason: null },
    ],
    [],
    ['a'],
  );
  const shown = () => {
    render(Timeline, { lanes, since: NOW - 3_600_000, now: NOW, width: 600 });
    return screen.getByRole('group', { name: /^Timeline: 1 model, 1 load, 0 swaps/ });
  };

  it('tells those who hear the page what arrow keys come to', async () => {
    const plot = shown();
    await fireEvent.keyDown(plot, { key: 'ArrowLeft' });
    expect(screen.getByRole('status').textContent).toMatch(/^a: Loaded\. .* to now\. For 57/);
    await fireEvent.keyDown(plot, { key: 'ArrowLeft' });
    expect(screen.getByRole('status').textContent).toMatch(/^a: Load\. .*\. Took 3\.00 s$/);
    await fireEvent.keyDown(plot, { key: 'Escape' });
    expect(screen.getByRole('status').textContent).toBe('');
  });

  it('leads from its lanes to their models', () => {
    shown();
    expect(screen.getByRole('link', { name: 'a' }).getAttribute('href')).toBe('/ui/models/a');
  });
});
