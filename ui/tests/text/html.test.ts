import { afterEach, describe, expect, it, vi } from 'vitest';

import { sanitized, setHtml } from '$lib/text/html';

/** What models may be made to write, and pages have fallen for. */
const HOSTILE = [
  '<img src=x onerror=alert(1)>',
  '<img src="x" onerror="alert(1)" onload=alert(1)>',
  '<script>alert(1)</script>',
  '<scr<script>ipt>alert(1)</scr</script>ipt>',
  '<svg onload=alert(1)></svg>',
  '<svg><script>alert(1)</script></svg>',
  '<svg><animate onbegin=alert(1) attributeName=x dur=1s>',
  '<svg><use href="data:image/svg+xml,<svg id=x xmlns=http://www.w3.org/2000/svg/>#x"/></svg>',
  '<svg><image href="https://example.com/track.png"/></svg>',
  '<svg><style><img src=x onerror=alert(1)></style></svg>',
  '<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>',
  '<math><annotation-xml encoding="text/html"><img src=x onerror=alert(1)></annotation-xml></math>',
  '<math href="javascript:alert(1)">x</math>',
  '<a href="javascript:alert(1)">x</a>',
  '<a href=" jav&#x09;ascript:alert(1)">x</a>',
  '<a href="data:text/html,<script>alert(1)</script>">x</a>',
  '<a href="vbscript:msgbox(1)">x</a>',
  '<a href="/unload">x</a>',
  '<a href="?model=x">x</a>',
  '<a href="http://localhost/api/models/unload">x</a>',
  '<iframe src="javascript:alert(1)"></iframe>',
  '<iframe srcdoc="<script>parent.alert(1)</script>"></iframe>',
  '<object data="javascript:alert(1)"></object>',
  '<embed src="javascript:alert(1)">',
  '<form action="https://example.com/"><input name=key><button>Key</button></form>',
  '<input autofocus onfocus=alert(1)>',
  '<details open ontoggle=alert(1)>x</details>',
  '<video src="https://example.com/x.mp4" poster="https://example.com/x.png" autoplay></video>',
  '<audio src="https://example.com/x.mp3" autoplay></audio>',
  '<video><source onerror=alert(1) src=x></video>',
  '<img src="https://example.com/track.png">',
  '<img srcset="https://example.com/track.png 2x">',
  '<picture><source srcset="https://example.com/track.png"><img></picture>',
  '<table background="https://example.com/track.png"><tr><td background="https://example.com/t.png">x',
  '<body background="https://example.com/track.png" onload=alert(1)>x',
  '<link rel=stylesheet href="https://example.com/x.css">',
  '<style>@import "https://example.com/x.css"; body { display: none }</style>',
  '<div style="background: url(https://example.com/x.png); position: fixed; inset: 0">x</div>',
  '<meta http-equiv=refresh content="0;url=https://example.com/">',
  '<base href="https://example.com/">',
  '<dialog open>Enter your key</dialog>',
  '<div popover id=main name=main class="toasts" tabindex=1 data-search>x</div>',
  '<div role=alert aria-live=assertive aria-label=x>x</div>',
  '<template><img src=x onerror=alert(1)></template>',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '<textarea><img title="</textarea><img src=x onerror=alert(1)>">',
  '<xmp><p title="</xmp><img src=x onerror=alert(1)>">',
  '<!--><img src=x onerror=alert(1)>-->',
  '<p title="`<img src=x onerror=alert(1)>`">x',
  '<a href="https://example.com/" onclick=alert(1) target=_self>x</a>',
  '<img name=querySelector id=body><form name=body>',
  '\u0000<img src=x onerror=alert(1)>',
  '<marquee onstart=alert(1)>x</marquee>',
  '<map name=x><area href="javascript:alert(1)"></map>',
];

const FORBIDDEN =
  'script, style, iframe, object, embed, form, input, button, textarea, select, link, meta, base, ' +
  'dialog, svg, template, marquee, area, noscript, frame, frameset';

const NAMES = /^(on|style$|id$|name$|srcset$|background$|data-|aria-|role$|tabindex$|popover|auto)/;

function complaints(root: DocumentFragment): string[] {
  const found = [...root.querySelectorAll(FORBIDDEN)].map(({ localName }) => localName);
  for (const element of root.querySelectorAll('*')) {
    for (const { name, value } of element.attributes) {
      if (NAMES.test(name) || name === 'class') found.push(`${name}=${value}`);
      if (/^(src|poster|data|action|formaction|xlink:href)$/.test(name)) {
        if (!/^(data:image\/|blob:)/.test(value)) found.push(`${name}=${value}`);
      }
      if (name === 'href') {
        const url = new URL(value, location.href);
        if (!/^(https?|mailto):$/.test(url.protocol)) found.push(`href=${value}`);
        if (url.origin === location.origin) found.push(`href=${value}`);
        if (element.getAttribute('rel') !== 'noopener noreferrer nofollow') found.push('rel');
      }
    }
  }
  return found;
}

describe('sanitized', () => {
  afterEach(() => vi.unstubAllGlobals());

  it.each(HOSTILE)('leaves nothing in %s that runs, loads or pretends', (html) => {
    expect(complaints(sanitized(html))).toEqual([]);
  });

  it.each(HOSTILE)('runs nothing of %s where it is shown', async (html) => {
    const alert = vi.fn();
    vi.stubGlobal('alert', alert);
    const element = document.createElement('div');
    document.body.append(element);
    setHtml(element, html, ['language-']);
    for (const one of element.querySelectorAll('*')) {
      one.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true }));
    }
    await new Promise((resolve) => setTimeout(resolve));
    expect(alert).not.toHaveBeenCalled();
    element.remove();
  });

  it('keeps what is harmless', () => {
    const element = document.createElement('div');
    setHtml(element, '<p>a <b>b</b> <a href="https://example.com/">c</a></p><table><tr><td>d');
    expect(element.querySelector('b')?.textContent).toBe('b');
    expect(element.querySelector('td')?.textContent).toBe('d');
    expect(element.querySelector('a')?.getAttribute('target')).toBe('_blank');
  });

  it('keeps images that are within the text', () => {
    const url = 'data:image/png;base64,AA==';
    expect(sanitized(`<img src="${url}">`).querySelector('img')?.getAttribute('src')).toBe(url);
  });

  it('keeps classes only by the beginnings that it is told', () => {
    const fragment = sanitized('<code class="language-py toasts hljs">x</code>', ['language-']);
    expect(fragment.querySelector('code')?.className).toBe('language-py');
  });
});
