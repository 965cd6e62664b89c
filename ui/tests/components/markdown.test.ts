import { render, screen } from '@testing-library/svelte';
import { describe, expect, it, vi } from 'vitest';

import Markdown from '$lib/components/markdown/Markdown.svelte';

import { eventually } from '../patience';

describe('Markdown', () => {
  it('gives code a button that copies it, and colours', async () => {
    const write = vi.fn().mockResolvedValue(undefined);
    vi.stubGlobal('navigator', { clipboard: { writeText: write } });
    const { container } = render(Markdown, { text: '```python\nreturn 1\n```' });
    screen.getByRole('button', { name: 'Copy the code' }).click();
    expect(write).toHaveBeenCalledWith('return 1');
    vi.unstubAllGlobals();
    await eventually(() => expect(container.querySelector('.hljs-keyword')).not.toBeNull());
  });

  it('sets formulas', async () => {
    const { container } = render(Markdown, { text: 'so $x^2$ is' });
    await eventually(() => expect(container.querySelector('msup')).not.toBeNull());
    expect(container.querySelector('.math-inline')).toBeNull();
  });

  it('leaves a block that still grows plain, and makes up for it', async () => {
    const { rerender } = render(Markdown, { text: '```js\nlet a', growing: true });
    await eventually(() => screen.getByRole('group', { name: 'Code in js' }));
    expect(screen.queryByRole('button', { name: 'Copy the code' })).toBeNull();
    await rerender({ text: '```js\nlet a = 1\n```', growing: false });
    screen.getByRole('button', { name: 'Copy the code' });
  });

  it('shows what a model writes against the page as text', () => {
    const text =
      'Hi <img src=x onerror="document.title = 1">\n\n<script>document.title = 1</script>';
    const { container } = render(Markdown, { text });
    expect(container.querySelector('img, script')).toBeNull();
    expect(container.textContent).toContain('<img src=x onerror="document.title = 1">');
    expect(container.textContent).toContain('<script>document.title = 1</script>');
  });
});
