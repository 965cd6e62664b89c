/**
 * What the user has chosen for this browser.
 */

import { Persisted } from './persisted.svelte';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

export const theme = new Persisted<Theme>('theme', 'system', (value) =>
  THEMES.includes(value as Theme),
);

/** Have the document follow the choice; returns how to stop. */
export function applyTheme(): () => void {
  return $effect.root(() => {
    $effect(() => {
      if (theme.value === 'system') delete document.documentElement.dataset['theme'];
      else document.documentElement.dataset['theme'] = theme.value;
    });
  });
}
