/**
 * Reasoning that a model writes into its answer, between tags, where the server does not
 * take it out.
 */

const OPENING = /^\s*<(think|thinking|thought)>/;

export interface Thought {
  reasoning: string;
  text: string;
}

/** Part the reasoning at the beginning of an answer from the rest; also while it comes. */
export function withoutThinking(raw: string): Thought {
  const opening = OPENING.exec(raw);
  if (!opening) return { reasoning: '', text: raw };
  const rest = raw.slice(opening[0].length);
  const closing = `</${opening[1]}>`;
  const end = rest.indexOf(closing);
  if (end >= 0) {
    return {
      reasoning: rest.slice(0, end).trim(),
      text: rest.slice(end + closing.length).trimStart(),
    };
  }
  return { reasoning: withoutHalf(rest, closing).trimStart(), text: '' };
}

/** A closing tag of which only the beginning has come is not to flicker. */
function withoutHalf(text: string, tag: string): string {
  for (let length = tag.length - 1; length > 1; length--) {
    if (text.endsWith(tag.slice(0, length))) return text.slice(0, -length);
  }
  return text;
}
