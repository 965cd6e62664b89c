import { describe, expect, it } from 'vitest';

import { formula } from '$lib/text/math';

describe('formula', () => {
  it('is MathML, with nothing else beside it', async () => {
    const set = await formula('\\frac{a}{b} < c', true);
    expect(set?.querySelector('mfrac')).not.toBeNull();
    expect(set?.querySelector('math')?.getAttribute('display')).toBe('block');
    expect(set?.textContent).toBe('ab<c');
  });

  it('tells its source to those who hear it', async () => {
    const set = await formula('x^2', false);
    expect(set?.querySelector('math')?.getAttribute('alttext')).toBe('x^2');
  });

  it.each(['\\frac{a', '\\unknowncommand', '}', 'x'.repeat(20_000)])(
    'is none where nobody can set it: %.20s',
    async (tex) => {
      expect(await formula(tex, false)).toBeNull();
    },
  );

  it.each([
    '\\href{javascript:alert(1)}{x}',
    '\\includegraphics{https://example.com/x.png}',
    '\\htmlData{x=y}{z}',
    '\\htmlStyle{position: fixed}{z}',
    '\\url{javascript:alert(1)}',
    '\\text{<img src=x onerror=alert(1)>}',
    '\\fcolorbox{red}{blue}{x}',
    '\\def\\x{\\x\\x}\\x',
  ])('does nothing but set formulas: %s', async (tex) => {
    const set = await formula(tex, false);
    expect(set?.querySelector('a, img, [style], [href], [src], [onerror]') ?? null).toBeNull();
  });
});
