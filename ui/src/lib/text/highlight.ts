/**
 * Colours for code. The highlighter is fetched with the first block that names a language.
 */

import type { HLJSApi } from 'highlight.js';

import { setHtml } from './html';

/** Longer code stays as it is, in characters: colours would take too long. */
const LONGEST = 100_000;

let highlighter: Promise<HLJSApi> | null = null;

/** Colour what an element holds; it stays as it is where the language is not known. */
export async function highlight(element: Element, language: string): Promise<void> {
  const code = element.textContent;
  if (code.length > LONGEST) return;
  highlighter ??= import('highlight.js/lib/common').then((module) => module.default);
  const hljs = await highlighter;
  if (!hljs.getLanguage(language)) return;
  const { value } = hljs.highlight(code, { language, ignoreIllegals: true });
  // The answer may have gone on meanwhile.
  if (element.textContent === code) setHtml(element, value, ['hljs']);
}
