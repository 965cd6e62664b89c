/**
 * Formulas as MathML, which browsers show without any font of ours. KaTeX is fetched with
 * the first formula.
 */

import { sanitized } from './html';

/** Longer ones stay as they are written. */
const LONGEST = 10_000;

/** What KaTeX may do: nothing but to set formulas. */
const OPTIONS = {
  output: 'mathml',
  trust: false,
  strict: 'ignore',
  throwOnError: true,
  maxExpand: 500,
  maxSize: 50,
} as const;

type Katex = { renderToString(tex: string, options: object): string };

let katex: Promise<Katex> | null = null;

/**
 * A formula, ready to be shown.
 *
 * @param tex untrusted.
 * @returns null where it is no formula that KaTeX understands.
 */
export async function formula(tex: string, display: boolean): Promise<DocumentFragment | null> {
  if (tex.length > LONGEST) return null;
  katex ??= import('katex').then((module) => module.default);
  let html: string;
  try {
    html = (await katex).renderToString(tex, { ...OPTIONS, displayMode: display });
  } catch {
    return null;
  }
  // The source of the formula is no part of what is shown, and styles are none of the page's.
  // Within both, `<` and quotes are escaped.
  const shown = html.replace(
    /<annotation[^>]*>[^<]*<\/annotation>|<\/?semantics>| style="[^"]*"/g,
    '',
  );
  const fragment = sanitized(shown);
  fragment.querySelector('math')?.setAttribute('alttext', tex);
  return fragment;
}
