/**
 * The keys of the whole page: `/` to search, `g` and a letter to go, `?` for help.
 */

import { PLACES } from './routes';

export interface Keys {
  go(path: string): void;
  help(): void;
}

/** `g` waits so long for its letter, in milliseconds. */
const PATIENCE = 1500;

/** Whether keys are the text of something that has the focus. */
function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  if (target instanceof HTMLInputElement) {
    return !['button', 'checkbox', 'radio', 'range', 'submit', 'reset', 'file'].includes(
      target.type,
    );
  }
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

/** The view's search field: it bears the attribute `data-search`. */
function focusSearch(): boolean {
  const field = [
    ...document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>('[data-search]'),
  ].find((one) => !one.disabled && one.checkVisibility());
  field?.focus();
  // Of what was written as a message, the next letter is not to take the place.
  if (field instanceof HTMLInputElement) field.select();
  return field !== undefined;
}

/** Listen; returns how to stop. */
export function startKeys(keys: Keys): () => void {
  // Never: the page's own time begins with 0.
  let going = -Infinity;
  const pressed = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.isComposing || isTyping(event.target) || document.querySelector('dialog[open]')) {
      return;
    }
    const waited = event.timeStamp - going;
    going = -Infinity;
    if (waited < PATIENCE) {
      const place = PLACES.find(({ key }) => key === event.key.toLowerCase());
      if (place) {
        event.preventDefault();
        keys.go(place.path);
        return;
      }
    }
    if (event.key === 'g') going = event.timeStamp;
    else if (event.key === '?') keys.help();
    else if (event.key !== '/' || !focusSearch()) return;
    event.preventDefault();
  };
  document.addEventListener('keydown', pressed);
  return () => document.removeEventListener('keydown', pressed);
}
