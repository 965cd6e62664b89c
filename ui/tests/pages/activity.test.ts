import { fireEvent, render, screen, within } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { viewOf } from '$lib/activity/view';
import type { ActivityQuery } from '$lib/api/types';
import { router } from '$lib/router.svelte';
import { models } from '$lib/stores/models.svelte';
import { recent } from '$lib/stores/recent.svelte';

import Activity from '../../src/pages/Activity.svelte';
import Table from '../../src/pages/activity/Table.svelte';
import { manyRows, row } from '../activity/rows';
import { eventually } from '../patience';
import { status } from '../rows';

const view = (link = '') => viewOf(new URLSearchParams(link));
const heading = (name: string) => screen.getByRole('columnheader', { name });
const sort = vi.fn();
const open = vi.fn();

function show(link = '', ids = [3, 2, 1]) {
  const props = { rows: ids.map((id) => row(id)), view: view(link), busy: false, sort, open };
  return render(Table, { ...props, session: () => undefined });
}

beforeEach(() => {
  sort.mockClear();
  open.mockClear();
  models.replace([]);
});

describe('the table of rows', () => {
  it('sorts numbers and times with the highest first, and texts with the lowest', async () => {
    show();
    for (const [name, by, order] of [
      ['Generated', 'generated', 'desc'],
      ['Ended', 'time', 'desc'],
      ['Model', 'model', 'asc'],
    ] as const) {
      await fireEvent.click(within(heading(name)).getByRole('button'));
      expect(sort).toHaveBeenLastCalledWith(by, order);
    }
  });

  it('tells by what it is sorted, and turns that round', async () => {
    show('sort=duration');
    expect(heading('Duration').getAttribute('aria-sort')).toBe('descending');
    expect(heading('#').getAttribute('aria-sort')).toBeNull();
    await fireEvent.click(within(heading('Duration')).getByRole('button'));
    expect(sort).toHaveBeenLastCalledWith('duration', 'asc');
  });

  it('has no button where the daemon cannot sort', () => {
    show();
    expect(within(heading('First token')).queryByRole('button')).toBeNull();
  });

  it('shows other rows in the elements that it has', async () => {
    models.replace([status('a')]);
    const { rerender } = show();
    const before = screen.getAllByRole('row');
    await rerender({ rows: [row(9), row(8, { model: 'gone', has_capture: true }), row(7)] });
    const after = screen.getAllByRole('row');
    const [, first, second] = after as [HTMLElement, HTMLElement, HTMLElement];
    expect(after.every((one, i) => one === before[i])).toBe(true);
    expect(first.textContent).toMatch(/^\s*9Jan 1/);
    expect(within(first).queryByRole('link', { name: 'a' })).not.toBeNull();
    expect(second.textContent).toMatch(/gone/);
    expect(within(second).queryByRole('link')).toBeNull();
    await fireEvent.click(screen.getByRole('button', { name: 'Capture of request 8' }));
    expect(open).toHaveBeenCalledWith(expect.objectContaining({ id: 8 }));
  });

  it('has the day with the time once that was another day', async () => {
    vi.useFakeTimers({ now: new Date(2026, 0, 31, 23, 59, 30) });
    const timestamp = new Date().toISOString();
    const props = { rows: [row(1, { timestamp })], view: view(), busy: false, sort, open };
    render(Table, { ...props, session: () => undefined });
    const cell = () => screen.getAllByRole('cell')[1]?.textContent.trim();
    expect(cell()).toBe('23:59:30');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(cell()).toMatch(/2026, 23:59:30$/);
    vi.useRealTimers();
  });

  it('leaves the focus at its row as another one comes', async () => {
    const { rerender } = show();
    const button = screen.getByRole('button', { name: 'Details of request 2' });
    button.focus();
    await rerender({ rows: [row(4), row(3), row(2)] });
    expect(document.activeElement).toBe(button);
    expect(button.getAttribute('aria-label')).toBe('Details of request 2');
  });
});

describe('the page of rows', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    router.go('/ui/');
  });

  it('stays as it is while rows come, also where none was told of yet', async () => {
    const daemon = manyRows(60);
    vi.stubGlobal('fetch', async (url: string) => {
      const numbers = [...new URL(url, location.href).searchParams]
        .filter(([name]) => ['page', 'limit', 'min_id', 'max_id'].includes(name))
        .map(([name, value]) => [name, Number(value)] as const);
      return Response.json(await daemon.fetch(Object.fromEntries(numbers) as ActivityQuery));
    });
    router.go('/ui/activity');
    render(Activity);
    await fireEvent.click(await screen.findByRole('button', { name: 'Next' }));
    await eventually(() => expect(router.param('page')).toBe('2'));
    expect(router.param('upto')).toBe('60');
  });

  it('follows the rows of a daemon that counts from the beginning', async () => {
    let daemon = manyRows(60);
    // Rows are asked for no more often than may be.
    vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 50 });
    vi.stubGlobal('fetch', async (url: string) => {
      const numbers = [...new URL(url, location.href).searchParams]
        .filter(([name]) => ['page', 'limit', 'min_id', 'max_id'].includes(name))
        .map(([name, value]) => [name, Number(value)] as const);
      return Response.json(await daemon.fetch(Object.fromEntries(numbers) as ActivityQuery));
    });
    recent.reopened();
    await eventually(() => expect(recent.newest).toBe(60));
    router.go('/ui/activity');
    render(Activity);
    expect(await screen.findByRole('button', { name: 'Details of request 60' })).toBeTruthy();
    daemon = manyRows(1);
    recent.reopened();
    await eventually(() => expect(recent.newest).toBe(1));
    daemon = manyRows(2);
    recent.added(2);
    expect(await screen.findByRole('button', { name: 'Details of request 2' })).toBeTruthy();
    vi.useRealTimers();
  });
});
