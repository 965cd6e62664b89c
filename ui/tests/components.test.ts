import { fireEvent, render, screen } from '@testing-library/svelte';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { getKey, setKey } from '$lib/api/key';
import CopyButton from '$lib/components/CopyButton.svelte';
import DataBar from '$lib/components/DataBar.svelte';
import KeyPrompt from '$lib/components/KeyPrompt.svelte';
import Nav from '$lib/components/Nav.svelte';
import StateBadge from '$lib/components/StateBadge.svelte';
import { keyPrompt } from '$lib/stores/keyprompt.svelte';
import { PLACES } from '$lib/routes';

beforeEach(() => {
  // jsdom has no modal dialogs.
  HTMLDialogElement.prototype.showModal = function () {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function () {
    this.open = false;
  };
});

describe('StateBadge', () => {
  it('says each state in a word', () => {
    const words = (['stopped', 'starting', 'ready', 'stopping', 'shutdown', 'failed'] as const).map(
      (state) => {
        const { container, unmount } = render(StateBadge, { state });
        const text = container.textContent;
        unmount();
        return text;
      },
    );
    expect(new Set(words).size).toBe(6);
    expect(words).not.toContain('');
  });
});

describe('DataBar', () => {
  it('says how far it is, and stays within its bounds', () => {
    render(DataBar, { value: 12, max: 8, label: 'Loading a' });
    const bar = screen.getByRole('progressbar', { name: 'Loading a' });
    expect(bar.getAttribute('aria-valuenow')).toBe('100');
  });

  it('says nothing of an end that is not known', () => {
    render(DataBar, { value: 12, max: null, label: 'Loading a' });
    expect(screen.getByRole('progressbar').hasAttribute('aria-valuenow')).toBe(false);
  });
});

describe('Nav', () => {
  it('links to every place, and says where one is', () => {
    render(Nav);
    const links = screen.getAllByRole('link');
    expect(links.map((link) => link.getAttribute('href'))).toEqual(PLACES.map(({ path }) => path));
    const current = links.filter((link) => link.getAttribute('aria-current') === 'page');
    expect(current.map((link) => link.textContent.trim())).toEqual(['Now']);
  });
});

describe('CopyButton', () => {
  it('copies, and says so', async () => {
    const writeText = vi.fn(() => Promise.resolve());
    vi.stubGlobal('navigator', { clipboard: { writeText } });
    render(CopyButton, { text: () => 'the text', label: 'Copy the command' });
    await fireEvent.click(screen.getByRole('button', { name: 'Copy the command' }));
    expect(writeText).toHaveBeenCalledWith('the text');
    expect(await screen.findByText('Copied')).toBeTruthy();
    vi.unstubAllGlobals();
  });
});

describe('KeyPrompt', () => {
  it('asks, keeps the key, and lets who waits go on', async () => {
    render(KeyPrompt);
    const given = keyPrompt.ask(null);
    const field = await screen.findByLabelText('Key');
    await fireEvent.input(field, { target: { value: '  secret ' } });
    await fireEvent.click(screen.getByLabelText(/Remember/));
    const form = field.closest('form');
    if (form) await fireEvent.submit(form);
    expect(await given).toBe(true);
    expect(getKey()).toBe('secret');
    expect(localStorage.getItem('llamaswap.key')).toBe('secret');
  });

  it('lets who waits go on also where the browser has no room for the key', async () => {
    vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
      throw new DOMException('full', 'QuotaExceededError');
    });
    render(KeyPrompt);
    const given = keyPrompt.ask(null);
    const field = await screen.findByLabelText('Key');
    await fireEvent.input(field, { target: { value: 'unkept' } });
    const form = field.closest('form');
    if (form) await fireEvent.submit(form);
    expect(await given).toBe(true);
    expect(keyPrompt.open).toBe(false);
    expect(getKey()).toBe('unkept');
    setKey(null);
  });

  it('stays where somebody marks what is in it, and lets go beside it', async () => {
    render(KeyPrompt);
    const given = keyPrompt.ask(null);
    const field = await screen.findByLabelText('Key');
    const dialog = screen.getByRole('dialog');
    await fireEvent.pointerDown(field);
    await fireEvent.click(dialog);
    expect(keyPrompt.open).toBe(true);
    await fireEvent.pointerDown(dialog);
    await fireEvent.click(dialog);
    expect(keyPrompt.open).toBe(false);
    expect(await given).toBe(false);
  });

  it('may be closed: then there is none', async () => {
    render(KeyPrompt);
    const given = keyPrompt.ask('old');
    expect(await screen.findByText(/not taken/)).toBeTruthy();
    await fireEvent.click(screen.getByRole('button', { name: 'Cancel' }));
    expect(await given).toBe(false);
  });
});
