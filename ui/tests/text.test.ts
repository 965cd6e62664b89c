import { describe, expect, it } from 'vitest';

import { ansiSpans, stripAnsi } from '$lib/text/ansi';
import { sanitized, setHtml } from '$lib/text/html';

describe('ANSI', () => {
  it('colours', () => {
    expect(ansiSpans('a \x1b[1;31mred\x1b[0m b')).toEqual([
      { text: 'a ', classes: '' },
      { text: 'red', classes: 'ansi-1 ansi-bold' },
      { text: ' b', classes: '' },
    ]);
    expect(ansiSpans('\x1b[94;44mx\x1b[39my\x1b[49mz')).toEqual([
      { text: 'x', classes: 'ansi-12 ansi-bg-4' },
      { text: 'y', classes: 'ansi-bg-4' },
      { text: 'z', classes: '' },
    ]);
  });

  it('takes the nearest of sixteen colours for all others', () => {
    expect(ansiSpans('\x1b[38;5;196mx')[0]?.classes).toBe('ansi-9');
    expect(ansiSpans('\x1b[38;2;0;180;0mx')[0]?.classes).toBe('ansi-2');
    expect(ansiSpans('\x1b[38;5;244mx')[0]?.classes).toBe('ansi-8');
    expect(ansiSpans('\x1b[38;5;999mx')[0]?.classes).toBe('');
    expect(ansiSpans('\x1b[38mx')[0]?.classes).toBe('');
  });

  it('leaves nothing of other sequences and control characters', () => {
    for (const line of [
      '\x1b[2J\x1b[Hab',
      '\x1b]0;title\x07ab',
      '\x1b]8;;http://evil.test\x1b\\ab',
      'a\x1b(Bb',
      '\x1bPdata\x1b\\ab',
      'a\x00\x08\x7f\x9bb',
      'a\x1b[999999999999mb\x1b',
      'a\x1b[?25lb',
    ]) {
      expect(stripAnsi(line)).toBe('ab');
      const text = ansiSpans(line).map((span) => span.text);
      expect(text.join('')).toBe('ab');
    }
  });

  it('shows the last state of a line that writes over itself', () => {
    expect(stripAnsi('10%\r50%\r100%')).toBe('100%');
    expect(stripAnsi('100%\r')).toBe('100%');
  });
});

describe('HTML', () => {
  const html = (text: string, classes: string[] = []) => {
    const place = document.createElement('div');
    setHtml(place, text, classes);
    return place;
  };

  it.each([
    '<img src=x onerror="alert(1)">',
    '<script>alert(1)</script>',
    '<svg onload=alert(1)><script>alert(1)</script></svg>',
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" jAvA\tscript:alert(1)">x</a>',
    '<iframe src="https://evil.test"></iframe>',
    '<form action="https://evil.test"><input name=a></form>',
    '<style>*{display:none}</style>',
    '<p style="position:fixed;inset:0">x</p>',
    '<img src="https://evil.test/pixel.gif" srcset="https://evil.test/p2.gif 2x">',
    '<video poster="https://evil.test/p.png" src="https://evil.test/v.mp4"></video>',
    '<svg><image href="https://evil.test/p.png"/></svg>',
    '<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>',
    '<p id="app" name="x" class="panel" tabindex="1">x</p>',
  ])('makes %s harmless', (text) => {
    for (const element of html(text).querySelectorAll('*')) {
      expect(['SCRIPT', 'IFRAME', 'FORM', 'INPUT', 'STYLE']).not.toContain(
        element.tagName.toUpperCase(),
      );
      for (const { name, value } of element.attributes) {
        expect(name).not.toMatch(/^on|^(style|id|name|class|srcset|tabindex)$/i);
        expect(value).not.toMatch(/javascript:|evil\.test/i);
      }
    }
  });

  it('keeps what text is made of', () => {
    const place = html(
      '<h1>a</h1><p><b>b</b> <code>c</code></p><img src="data:image/png;base64,AA==">',
    );
    expect(place.querySelectorAll('h1, b, code, img[src]').length).toBe(4);
  });

  it('opens links elsewhere, and tells nobody from where', () => {
    const link = html('<a href="https://example.test/">x</a>').querySelector('a');
    expect(link?.target).toBe('_blank');
    expect(link?.rel).toContain('noopener');
    expect(link?.rel).toContain('noreferrer');
  });

  it('keeps the classes that it is told to', () => {
    const place = html('<span class="hljs-keyword panel">if</span><b class="panel">x</b>', [
      'hljs',
    ]);
    expect(place.querySelector('span')?.className).toBe('hljs-keyword');
    expect(place.querySelector('b')?.hasAttribute('class')).toBe(false);
  });

  it('replaces what was there', () => {
    const place = html('<p>a</p>');
    setHtml(place, 'b');
    expect(place.textContent).toBe('b');
    expect(sanitized('').childNodes.length).toBe(0);
  });
});
