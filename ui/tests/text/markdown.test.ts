import { describe, expect, it } from 'vitest';

import { blocksOf } from '$lib/text/markdown';

function html(text: string): string {
  return blocksOf(text)
    .map((block) => block.html)
    .join('');
}

describe('blocksOf', () => {
  it('makes a block of each paragraph, list, table and piece of code', () => {
    const blocks = blocksOf('a\n\n- b\n- c\n\n```py\nd\n```\n\n|e|\n|-|\n|f|');
    expect(blocks.map((block) => /^<(\w+)/.exec(block.html)?.[1])).toEqual([
      'p',
      'ul',
      'pre',
      'table',
    ]);
  });

  it('takes over the blocks that have not changed', () => {
    const before = blocksOf('first\n\nsecond');
    const after = blocksOf('first\n\nsecond and more', before);
    expect(after[0]).toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
  });

  it('makes all anew where a link is defined at the end', () => {
    const before = blocksOf('see [x]\n\nmore');
    const after = blocksOf('see [x]\n\nmore\n\n[x]: https://example.com/', before);
    expect(after[0]?.html).toContain('href="https://example.com/"');
  });

  it.each([
    ['$a_1 * b_2 * c$', 'math-inline', 'a_1 * b_2 * c'],
    ['so $$x^2$$ is', 'math-display', 'x^2'],
    ['so \\(x < y\\) is', 'math-inline', 'x &lt; y'],
    ['$$\na\n\\\\ b\n$$', 'math-display', 'a\n\\\\ b'],
    ['\\[\nx\n\\]', 'math-display', 'x'],
    ['text before\n$$\nx\n$$', 'math-display', 'x'],
  ])('finds the formula in %s', (text, name, tex) => {
    expect(html(text)).toContain(`<code class="${name}">${tex}</code>`);
  });

  it.each([
    'it costs $5 and $6',
    'pay $20,000 or US$30,000',
    'a `$x$` in code',
    'an open $x',
    'between US$ 5 and US$ 10',
  ])('takes %s for no formula', (text) => {
    expect(html(text)).not.toContain('math-');
  });

  it('shows HTML as it is written, but for a few harmless tags', () => {
    const text = 'a<br>b H<sub>2</sub>O <b onclick=x>c</b> <img src=x onerror=alert(1)>';
    const got = html(text);
    expect(got).toContain('a<br>b H<sub>2</sub>O');
    expect(got).toContain('&lt;b onclick=x&gt;');
    expect(got).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(html('<script>alert(1)</script>')).toContain('&lt;script&gt;alert(1)');
  });

  it('fetches no image from elsewhere, but links to it', () => {
    expect(html('![a cat](https://example.com/cat.png)')).toBe(
      '<p><a href="https://example.com/cat.png">a cat</a></p>\n',
    );
  });

  it('makes all headings ones of a level', () => {
    expect(html('# A\n\n#### B')).toBe('<h3 class="md-h1">A</h3>\n<h3 class="md-h4">B</h3>\n');
  });

  it('does not break at nesting that is too deep', () => {
    const text = '> '.repeat(20_000) + 'x';
    expect(blocksOf(text).length).toBeGreaterThan(0);
  });
});
