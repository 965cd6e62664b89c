/**
 * Markdown to HTML, block by block, so that a text that grows is not made anew each time.
 * What comes out is as untrusted as what went in: `setHtml` makes it harmless.
 */

import { Marked, type Token, type TokenizerAndRendererExtension, type Tokens } from 'marked';

/** The classes of ours in what comes out, by their beginnings. */
export const CLASSES = ['language-', 'math-', 'md-'] as const;

/** A piece of a text that stands by itself: a paragraph, a list, a block of code. */
export interface Block {
  raw: string;
  html: string;
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

// Money is no formula: no space within the dollars, no digit behind them.
const INLINE =
  /^(?:\$\$([^$]+?)\$\$|\$(?![\s$])((?:\\[^]|[^\\$\n])*?[^\s\\$])\$(?!\d)|\\\(([^]+?)\\\)|\\\[([^]+?)\\\])/;
const BLOCK = /^ {0,3}(?:\$\$([^]+?)\$\$|\\\[([^]+?)\\\])[ \t]*(?:\n+|$)/;

interface MathToken extends Tokens.Generic {
  tex: string;
  display: boolean;
}

function mathHtml(token: Tokens.Generic): string {
  const { tex, display } = token as MathToken;
  return `<code class="math-${display ? 'display' : 'inline'}">${escapeHtml(tex)}</code>`;
}

const inlineMath: TokenizerAndRendererExtension = {
  name: 'inlineMath',
  level: 'inline',
  start: (source) => {
    const at = source.search(/\$|\\\(|\\\[/);
    return at < 0 ? undefined : at;
  },
  tokenizer(source) {
    const match = INLINE.exec(source);
    if (!match) return undefined;
    const [raw, displayed, dollars, round, square] = match;
    const tex = (displayed ?? dollars ?? round ?? square ?? '').trim();
    const display = displayed !== undefined || square !== undefined;
    return { type: 'inlineMath', raw, tex, display };
  },
  renderer: mathHtml,
};

const blockMath: TokenizerAndRendererExtension = {
  name: 'blockMath',
  level: 'block',
  start: (source) => {
    // Only as far as the paragraph goes that it would interrupt: the rest is looked at later.
    const end = source.indexOf('\n\n');
    const paragraph = end < 0 ? source : source.slice(0, end);
    const at = paragraph.search(/(?:^|\n) {0,3}(?:\$\$|\\\[)/);
    return at < 0 ? undefined : at;
  },
  tokenizer(source) {
    const match = BLOCK.exec(source);
    if (!match) return undefined;
    const tex = (match[1] ?? match[2] ?? '').trim();
    return { type: 'blockMath', raw: match[0], tex, display: true };
  },
  renderer: (token) => `<p>${mathHtml(token)}</p>\n`,
};

/** Of a model's own HTML these are taken, without attributes; the rest is shown as it is written. */
const TAGS = /&lt;(\/?)(br|sub|sup|kbd|b|i|u|s|em|strong|del|ins|mark|small)\s*\/?&gt;/gi;

function ownHtml(text: string): string {
  return escapeHtml(text).replace(TAGS, '<$1$2>');
}

const marked = new Marked({
  gfm: true,
  breaks: true,
  extensions: [blockMath, inlineMath],
  renderer: {
    /** All of one level: the page's own headings have an order. */
    heading({ tokens, depth }) {
      return `<h3 class="md-h${depth}">${this.parser.parseInline(tokens)}</h3>\n`;
    },
    html({ text, block }) {
      return block ? `<p class="md-html">${ownHtml(text.trimEnd())}</p>\n` : ownHtml(text);
    },
    /** Those from elsewhere are not fetched: whoever looks at one tells so by it. */
    image({ href, text }) {
      const alt = escapeHtml(text);
      if (/^data:image\//i.test(href)) return `<img src="${escapeHtml(href)}" alt="${alt}">`;
      return `<a href="${escapeHtml(href)}">${alt || 'image'}</a>`;
    },
    checkbox({ checked }) {
      return checked ? '☑ ' : '☐ ';
    },
  },
});

/**
 * The blocks of a text.
 *
 * @param before what an earlier call gave for the beginning of the same text: its blocks
 *   are taken over where they have not changed.
 */
export function blocksOf(text: string, before: readonly Block[] = []): Block[] {
  let tokens: Token[];
  try {
    tokens = marked.lexer(text);
  } catch {
    // Nesting deeper than the stack.
    return [{ raw: text, html: `<pre>${escapeHtml(text)}</pre>` }];
  }
  // A definition of a link changes blocks before it.
  const defines = tokens.some(({ type }) => type === 'def');
  const blocks: Block[] = [];
  for (const token of tokens) {
    if (token.type === 'space' || token.type === 'def') continue;
    const known = defines ? undefined : before[blocks.length];
    blocks.push(known?.raw === token.raw ? known : { raw: token.raw, html: htmlOf(token) });
  }
  return blocks;
}

function htmlOf(token: Token): string {
  try {
    return marked.parser([token]);
  } catch {
    return `<pre>${escapeHtml(token.raw)}</pre>`;
  }
}
