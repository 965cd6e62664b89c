/**
 * The one place where text becomes markup. All of it is untrusted: models write it.
 */

import DOMPurify from 'dompurify';

/** Nothing that loads from elsewhere by itself, runs, submits or looks like our page. */
const RULES = {
  FORBID_TAGS: ['style', 'form', 'input', 'button', 'textarea', 'select', 'iframe', 'object'],
  FORBID_ATTR: ['style', 'id', 'name', 'class', 'srcset', 'autofocus', 'tabindex'],
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true as const,
};

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
  for (const link of fragment.querySelectorAll('a[href], area[href]')) {
    link.setAttribute('target', '_blank');
    link.setAttribute('rel', 'noopener noreferrer nofollow');
  }
  for (const media of fragment.querySelectorAll('[src], [poster], image[href]')) {
    for (const name of ['src', 'poster', 'href']) {
      const url = media.getAttribute(name);
      if (url && !/^(data:image\/|blob:)/i.test(url)) media.removeAttribute(name);
    }
  }
  return fragment;
}
