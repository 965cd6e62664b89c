/**
 * Which models are shown.
 */

import type { ModelStatus } from '../api/types';

/** What can be chosen; the values stand in the page's link. */
export const SHOW = [
  { value: '', label: 'All' },
  { value: 'running', label: 'Running' },
  { value: 'stopped', label: 'Stopped' },
  { value: 'failed', label: 'Failed' },
  { value: 'peers', label: "Peers'" },
] as const;

/** Whether a model is called like that, or described so. */
export function matches(model: ModelStatus, search: string): boolean {
  const words = search.trim().toLowerCase();
  if (!words) return true;
  return [model.id, model.name, model.description, ...model.aliases].some((text) =>
    text.toLowerCase().includes(words),
  );
}

/** @param show one of the values of `SHOW`; what is none of them shows all. */
export function filterModels(
  models: readonly ModelStatus[],
  search: string,
  show: string,
): ModelStatus[] {
  return models.filter((model) => belongs(model, show) && matches(model, search));
}

function belongs(model: ModelStatus, show: string): boolean {
  const down = model.state === 'stopped' || model.state === 'shutdown';
  switch (show) {
    case 'running':
      return !model.peerID && !down;
    case 'stopped':
      return !model.peerID && down;
    case 'failed':
      return !model.peerID && down && !!model.failure;
    case 'peers':
      return !!model.peerID;
    default:
      return true;
  }
}
