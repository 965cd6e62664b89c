/**
 * Which page stands at which path. Every view has a path, below `/ui/`.
 */

export const BASE = '/ui/';

export const PLAYGROUND_TABS = [
  'chat',
  'images',
  'speech',
  'transcription',
  'rerank',
  'embeddings',
  'loadtest',
] as const;
export type PlaygroundTab = (typeof PLAYGROUND_TABS)[number];

export type Route =
  | { page: 'now' }
  | { page: 'models' }
  | { page: 'model'; id: string }
  | { page: 'playground'; tab: PlaygroundTab }
  | { page: 'activity' }
  /** `log` is empty for all, `proxy`, `upstream`, or a model's id. */
  | { page: 'logs'; log: string }
  | { page: 'machine' }
  | { page: 'settings' }
  | { page: 'missing'; path: string };

export type PageName = Route['page'];

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The route of a path; ids may hold slashes, percent-encoded or not. */
export function routeOf(path: string): Route {
  const rest = path.startsWith(BASE) ? path.slice(BASE.length) : '';
  const [first = '', ...more] = rest.replace(/\/+$/, '').split('/');
  const below = decoded(more.join('/'));
  switch (first) {
    case '':
      return { page: 'now' };
    case 'models':
      return below ? { page: 'model', id: below } : { page: 'models' };
    case 'playground': {
      if (!below) return { page: 'playground', tab: 'chat' };
      const tab = PLAYGROUND_TABS.find((one) => one === below);
      return tab ? { page: 'playground', tab } : { page: 'missing', path };
    }
    case 'logs':
      return { page: 'logs', log: below };
    case 'activity':
    case 'machine':
    case 'settings':
      return below ? { page: 'missing', path } : { page: first };
    default:
      return { page: 'missing', path };
  }
}

/** The path of a route. */
export function pathOf(route: Route): string {
  switch (route.page) {
    case 'now':
      return BASE;
    case 'model':
      return `${BASE}models/${encodeURIComponent(route.id)}`;
    case 'playground':
      return `${BASE}playground/${route.tab}`;
    case 'logs':
      return `${BASE}logs${route.log && `/${encodeURIComponent(route.log)}`}`;
    case 'missing':
      return route.path;
    default:
      return BASE + route.page;
  }
}

/** What the navigation shows: in this order, with the letter that goes there after `g`. */
export const PLACES: readonly { page: PageName; label: string; path: string; key: string }[] = [
  { page: 'now', label: 'Now', path: BASE, key: 'n' },
  { page: 'models', label: 'Models', path: `${BASE}models`, key: 'm' },
  { page: 'playground', label: 'Playground', path: `${BASE}playground`, key: 'p' },
  { page: 'activity', label: 'Activity', path: `${BASE}activity`, key: 'a' },
  { page: 'logs', label: 'Logs', path: `${BASE}logs`, key: 'l' },
  { page: 'machine', label: 'Machine', path: `${BASE}machine`, key: 'h' },
  { page: 'settings', label: 'Settings', path: `${BASE}settings`, key: 's' },
];

/** Which place of the navigation a page belongs to. */
export function placeOf(page: PageName): PageName {
  return page === 'model' ? 'models' : page;
}
