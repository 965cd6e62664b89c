/**
 * Where the user is: the path and the query, and how to go elsewhere.
 *
 * Links are plain `<a href="/ui/…">`: a click on one is ours, unless it is to open a tab.
 */

import { BASE, routeOf, type Route } from './routes';

/** Below `/ui/` too, but the daemon's. */
const PLAIN = '/ui/plain';

class Router {
  #path = $state(location.pathname);
  #query = $state(location.search);
  readonly route: Route = $derived(routeOf(this.#path));
  readonly #params = $derived(new URLSearchParams(this.#query));

  get path(): string {
    return this.#path;
  }

  /** The query. */
  get query(): URLSearchParams {
    return this.#params;
  }

  /** A part of the query, or null. */
  param(name: string): string | null {
    return this.#params.get(name);
  }

  /** All parts of the query by that name. */
  params(name: string): string[] {
    return this.#params.getAll(name);
  }

  /** Go to a path below `/ui/`, with its query. */
  go(href: string, { replace = false } = {}): void {
    const url = new URL(href, location.href);
    if (url.href === location.href) return;
    history[replace ? 'replaceState' : 'pushState'](null, '', url);
    this.#follow();
  }

  /**
   * Change parts of the query, so that the view has a link; the path stays.
   *
   * @param values null, undefined and empty ones are taken out.
   * @param push whether going back leads to the view before.
   */
  setParams(
    values: Record<string, string | string[] | null | undefined>,
    { push = false } = {},
  ): void {
    const params = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(values)) {
      params.delete(name);
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one) params.append(name, one);
      }
    }
    const text = params.toString();
    this.go(location.pathname + (text && `?${text}`) + location.hash, { replace: !push });
  }

  /** Take clicks on links and the browser's buttons; returns how to stop. */
  start(): () => void {
    const follow = () => this.#follow();
    const clicked = (event: MouseEvent) => {
      const href = ours(event);
      if (href === null) return;
      event.preventDefault();
      this.go(href);
    };
    addEventListener('popstate', follow);
    document.addEventListener('click', clicked);
    return () => {
      removeEventListener('popstate', follow);
      document.removeEventListener('click', clicked);
    };
  }

  #follow(): void {
    this.#path = location.pathname;
    this.#query = location.search;
  }
}

/** Where a click leads within the page, or null where it is not ours. */
export function ours(event: MouseEvent): string | null {
  if (event.defaultPrevented || event.button !== 0) return null;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return null;
  const link = (event.target as Element | null)?.closest('a');
  if (!link?.href || link.target || link.hasAttribute('download')) return null;
  const url = new URL(link.href);
  if (url.origin !== location.origin || !url.pathname.startsWith(BASE)) return null;
  if (url.pathname === PLAIN) return null;
  // To another place of this view: the browser scrolls there.
  if (url.hash && url.pathname === location.pathname && url.search === location.search) return null;
  return url.pathname + url.search + url.hash;
}

export const router = new Router();
