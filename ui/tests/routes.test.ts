import { describe, expect, it } from 'vitest';

import { pathOf, PLACES, routeOf, type Route } from '$lib/routes';

describe('routes', () => {
  it.each<[string, Route]>([
    ['/ui/', { page: 'now' }],
    ['/ui/models', { page: 'models' }],
    ['/ui/models/', { page: 'models' }],
    ['/ui/models/qwen2.5-7b', { page: 'model', id: 'qwen2.5-7b' }],
    ['/ui/models/org%2Fm%20x', { page: 'model', id: 'org/m x' }],
    ['/ui/models/org/m', { page: 'model', id: 'org/m' }],
    ['/ui/models/100%', { page: 'model', id: '100%' }],
    ['/ui/playground', { page: 'playground', tab: 'chat' }],
    ['/ui/playground/loadtest', { page: 'playground', tab: 'loadtest' }],
    ['/ui/playground/nothing', { page: 'missing', path: '/ui/playground/nothing' }],
    ['/ui/logs', { page: 'logs', log: '' }],
    ['/ui/logs/org%2Fm', { page: 'logs', log: 'org/m' }],
    ['/ui/activity', { page: 'activity' }],
    ['/ui/activity/x', { page: 'missing', path: '/ui/activity/x' }],
    ['/ui/elsewhere', { page: 'missing', path: '/ui/elsewhere' }],
  ])('finds %s', (path, route) => {
    expect(routeOf(path)).toEqual(route);
  });

  it('leads back to every route', () => {
    const routes: Route[] = [
      { page: 'now' },
      { page: 'models' },
      { page: 'model', id: 'a/b c?d#e%' },
      { page: 'playground', tab: 'rerank' },
      { page: 'logs', log: '' },
      { page: 'logs', log: 'a/b' },
      { page: 'machine' },
      { page: 'settings' },
    ];
    for (const route of routes) {
      const { pathname } = new URL(pathOf(route), 'http://localhost');
      expect(routeOf(pathname)).toEqual(route);
    }
  });

  it('has a key of its own for each place, which is there', () => {
    expect(new Set(PLACES.map(({ key }) => key)).size).toBe(PLACES.length);
    for (const { page, path } of PLACES) expect(routeOf(path).page).toBe(page);
  });
});
