/**
 * The one place where text becomes markup. All of it is untrusted: models write it.
 */

import DOMPurify from 'dompurify';

/** Nothing that loads from elsewhere by itself, runs, submits, or looks or sounds like our page. */
const RULES = {
  // No SVG: it has too many ways to fetch and to animate.
  USE_PROFILES: { html: true, mathMl: true },
  FORBID_TAGS: [
    'style',
    'form',
    'input',
    'button',
    'textarea',
    'select',
    'iframe',
    'object',
    'dialog',
    'marquee',
    'blink',
    'map',
    'area',
    'slot',
    'template',
  ],
  FORBID_ATTR: [
    'style',
    'id',
    'name',
    'class',
    'srcset',
    'sizes',
    'background',
    'bgcolor',
    'autofocus',
    'autoplay',
    'tabindex',
    'popover',
    'popovertarget',
    'popovertargetaction',
    'role',
    'slot',
    'usemap',
  ],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true as const,
};

/** Where a link may lead: to other sites. A click on one of our own paths would do something. */
const ELSEWHERE = new Set(['http:', 'https:', 'mailto:']);

/**
 * Replace an element's children by what HTML says, made harmless: links open elsewhere and
 * tell nothing, images are those within the text (`data:`, `blob:`) only.
 *
 * @param keepClasses the classes that may stay, by their beginning: `hljs`.
 */
export function setHtml(element: Element, html: string, keepClasses: readonly string[] = []): void {
  element.replaceChildren(sanitized(html, keepClasses));
}

/** The same as a fragment. */
export function sanitized(html: string, keepClasses: readonly string[] = []): DocumentFragment {
  const rules = keepClasses.length
    ? { ...RULES, FORBID_ATTR: RULES.FORBID_ATTR.filter((name) => name !== 'class') }
    : RULES;
  const fragment = DOMPurify.sanitize(html, rules);
  for (const element of fragment.querySelectorAll('[class]')) {
    const kept = [...element.classList].filter((name) =>
      keepClasses.some((start) => name.startsWith(start)),
    );
    if (kept.length) element.setAttribute('class', kept.join(' '));
    else element.removeAttribute('class');
  }
  for (const link of fragment.querySelectorAll('[href]')) {
    if (link.localName !== 'a' || !leadsElsewhere(link.getAttribute('href') ?? '')) {
      link.removeAttribute('href');
      continue;
    }
    link.setAttribute('target', '_blank');
    link.setAttribute('rel', 'noopener noreferrer nofollow');
  }
  for (const media of fragment.querySelectorAll('[src], [poster]')) {
    for (const name of ['src', 'poster']) {
      const url = media.getAttribute(name);
      if (url && !/^(data:image\/|blob:)/i.test(url)) media.removeAttribute(name);
    }
  }
  return fragment;
}

function leadsElsewhere(href: string): boolean {
  if (!URL.canParse(href, location.href)) return false;
  const url = new URL(href, location.href);
  return ELSEWHERE.has(url.protocol) && url.origin !== location.origin;
}
