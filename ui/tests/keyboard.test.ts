import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { startKeys } from '$lib/keyboard';

const go = vi.fn<(path: string) => void>();
const help = vi.fn<() => void>();
let stop: () => void;
/** The page's time, in milliseconds: it stands still but where a test has it go on. */
let now: number;

beforeEach(() => {
  now = 0;
  go.mockReset();
  help.mockReset();
  // jsdom lays nothing out.
  Element.prototype.checkVisibility = () => true;
  stop = startKeys({ go, help });
});

afterEach(() => {
  stop();
  document.body.replaceChildren();
});

function press(key: string, init: KeyboardEventInit & { on?: Element } = {}): void {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...init });
  Object.defineProperty(event, 'timeStamp', { value: now });
  (init.on ?? document.body).dispatchEvent(event);
}

describe('keys', () => {
  it('go to a place by g and its letter', () => {
    press('g');
    press('l');
    expect(go).toHaveBeenCalledExactlyOnceWith('/ui/logs');
    press('l');
    press('g');
    press('x');
    press('l');
    expect(go).toHaveBeenCalledTimes(1);
  });

  it('go nowhere by a letter alone, not even on a page that was just opened', () => {
    press('l');
    expect(go).not.toHaveBeenCalled();
  });

  it('go nowhere where the letter comes late', () => {
    press('g');
    now += 1499;
    press('l');
    expect(go).toHaveBeenCalledTimes(1);
    press('g');
    now += 1500;
    press('l');
    expect(go).toHaveBeenCalledTimes(1);
  });

  it('show help by ?', () => {
    press('?', { shiftKey: true });
    expect(help).toHaveBeenCalledTimes(1);
  });

  it('find the search field by /', () => {
    const field = document.createElement('input');
    field.setAttribute('data-search', '');
    document.body.append(field);
    press('/');
    expect(document.activeElement).toBe(field);
  });

  it('mark what was looked for, but not what is being written', () => {
    for (const [name, marked] of [
      ['input', 5],
      ['textarea', 0],
    ] as const) {
      const field = document.createElement(name);
      field.setAttribute('data-search', '');
      field.value = 'hello';
      document.body.append(field);
      press('/');
      expect(document.activeElement).toBe(field);
      expect(Number(field.selectionEnd) - Number(field.selectionStart)).toBe(marked);
      field.remove();
    }
  });

  it('are text where somebody types, and the browser’s with Ctrl', () => {
    for (const name of ['input', 'textarea', 'select']) {
      const field = document.createElement(name);
      document.body.append(field);
      press('?', { on: field });
    }
    press('?', { ctrlKey: true });
    expect(help).not.toHaveBeenCalled();
    const box = document.createElement('input');
    box.type = 'checkbox';
    document.body.append(box);
    press('?', { on: box });
    expect(help).toHaveBeenCalledTimes(1);
  });

  it('do nothing beneath an open dialog', () => {
    const dialog = document.createElement('dialog');
    dialog.open = true;
    document.body.append(dialog);
    press('?');
    expect(help).not.toHaveBeenCalled();
  });
});
