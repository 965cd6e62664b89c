/**
 * Where each page's module is: fetched when the page is opened for the first time.
 */

import type { Component } from 'svelte';

import type { PageName, Route } from '$lib/routes';

import Now from './pages/Now.svelte';

/** What a page is given: the route that led to it. */
export type PageProps<P extends PageName> = { route: Extract<Route, { page: P }> };

/** A page may take its `PageProps`, or nothing: `never` is what both can be given. */
type Loader = () => Promise<{ default: Component<never> }>;

export const PAGES: Record<PageName, Loader> = {
  // The first view: in the first file.
  now: () => Promise.resolve({ default: Now }),
  models: () => import('./pages/Models.svelte'),
  model: () => import('./pages/Model.svelte'),
  playground: () => import('./pages/Playground.svelte'),
  activity: () => import('./pages/Activity.svelte'),
  logs: () => import('./pages/Logs.svelte'),
  machine: () => import('./pages/Machine.svelte'),
  settings: () => import('./pages/Settings.svelte'),
  missing: () => import('./pages/Missing.svelte'),
};
