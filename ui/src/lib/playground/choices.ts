/**
 * Which models a view offers: those first that can do what it is for.
 */

import type { Capabilities, ListedModel, ModelStatus } from '../api/types';

export type Use = 'chat' | 'images' | 'speech' | 'transcription' | 'rerank' | 'embeddings';

const WANTED: Record<Use, keyof Capabilities | null> = {
  chat: null,
  images: 'image_generation',
  speech: 'audio_speech',
  transcription: 'audio_transcriptions',
  rerank: 'reranker',
  // There is no word for it.
  embeddings: null,
};

/** A model that can do one of these is there for that. */
const SPECIAL = [
  'image_generation',
  'image_to_image',
  'audio_speech',
  'audio_transcriptions',
  'reranker',
] as const;

/** Whether a model is for a use, as far as it tells. */
export function suits(capabilities: Capabilities | null | undefined, use: Use): boolean {
  const wanted = WANTED[use];
  if (wanted) return capabilities?.[wanted] === true;
  return !SPECIAL.some((name) => capabilities?.[name]);
}

export interface Choices {
  suiting: string[];
  others: string[];
  /** Names that lead to a model: aliases, selectors, a profile's pins. */
  names: string[];
}

export function choicesOf(
  models: readonly ModelStatus[],
  listed: readonly ListedModel[],
  use: Use,
): Choices {
  const choices: Choices = { suiting: [], others: [], names: [] };
  const known = new Set<string>();
  for (const model of models) {
    known.add(model.id);
    if (model.unlisted) continue;
    choices[suits(model.capabilities, use) ? 'suiting' : 'others'].push(model.id);
  }
  for (const { id } of listed) {
    if (!known.has(id)) choices.names.push(id);
  }
  return choices;
}

/** What to begin with: what was chosen last, else one that is loaded, else any. */
export function firstChoice(
  choices: Choices,
  models: readonly ModelStatus[],
  last: string | undefined,
): string {
  const all = [...choices.suiting, ...choices.others, ...choices.names];
  if (last && all.includes(last)) return last;
  const ready = new Set(models.filter(({ state }) => state === 'ready').map(({ id }) => id));
  return choices.suiting.find((id) => ready.has(id)) ?? all[0] ?? '';
}
