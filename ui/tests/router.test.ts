import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { router } from '$lib/router.svelte';

let stop: () => void;

beforeEach(() => {
  history.replaceState(null, '', '/ui/');
  stop = router.start();
  dispatchEvent(new PopStateEvent('popstate'));
});

afterEach(() => {
  stop();
  document.body.replaceChildren();
});

/** Click on a link; true where the browser would have followed it itself. */
function click(html: string, init: MouseEventInit = {}): boolean {
  const place = document.createElement('div');
  place.append(document.createRange().createContextualFragment(html));
  document.body.append(place);
  const event = new MouseEvent('click', { bubbles: true, cancelable: true, ...init });
  // jsdom cannot go anywhere: the last to hear of it keeps it from trying.
  let left = false;
  const last = (heard: Event) => {
    left = !heard.defaultPrevented;
    heard.preventDefault();
  };
  addEventListener('click', last, { once: true });
  (place.querySelector('span') ?? place.querySelector('a'))?.dispatchEvent(event);
  return left;
}

describe('router', () => {
  it('follows links within the page', () => {
    expect(click('<a href="/ui/logs/a?q=1"><span>log</span></a>')).toBe(false);
    expect(router.route).toEqual({ page: 'logs', log: 'a' });
    expect(router.param('q')).toBe('1');
    expect(location.pathname + location.search).toBe('/ui/logs/a?q=1');
  });

  it.each([
    ['<a href="/upstream/a/">x</a>', {}],
    ['<a href="/ui/plain">x</a>', {}],
    ['<a href="http://other.test/ui/logs">x</a>', {}],
    ['<a href="/ui/logs" target="_blank">x</a>', {}],
    ['<a href="/ui/logs" download>x</a>', {}],
    ['<a href="/ui/logs">x</a>', { ctrlKey: true }],
    ['<a href="/ui/logs">x</a>', { button: 1 }],
  ])('leaves %s to the browser', (html, init) => {
    expect(click(html, init)).toBe(true);
    expect(router.route).toEqual({ page: 'now' });
  });

  it('keeps what it does not change of a query, and replaces the view', () => {
    router.go('/ui/activity?a=1&b=2');
    const before = history.length;
    router.setParams({ b: null, model: ['x', 'y'], empty: '' });
    expect(location.search).toBe('?a=1&model=x&model=y');
    expect(router.params('model')).toEqual(['x', 'y']);
    expect(history.length).toBe(before);
    router.setParams({ a: '2' }, { push: true });
    expect(history.length).toBe(before + 1);
  });

  it('follows the browser back', () => {
    history.replaceState(null, '', '/ui/machine');
    dispatchEvent(new PopStateEvent('popstate'));
    expect(router.route.page).toBe('machine');
  });
});
