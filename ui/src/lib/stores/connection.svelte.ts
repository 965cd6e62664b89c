/**
 * The connection to the daemon: whether it stands, and who is told what comes over it.
 */

import { onUnauthorized } from '../api/client';
import { getVersion } from '../api/endpoints';
import { EventStream } from '../api/events';
import type { ServerEvent, UiConfig, Version } from '../api/types';
import { inflight } from './inflight.svelte';
import { keyPrompt } from './keyprompt.svelte';
import { logs } from './logs.svelte';
import { models } from './models.svelte';
import { profiles } from './profiles.svelte';
import { queue } from './queue.svelte';
import { recent } from './recent.svelte';
import { timeline } from './timeline.svelte';

/** `locked`: the daemon wants a key, and the user has given none. */
export type ConnectionState = 'connecting' | 'live' | 'lost' | 'locked';

class Connection {
  #state = $state<ConnectionState>('connecting');
  #version = $state.raw<Version | null>(null);
  #uiConfig = $state.raw<UiConfig>({});
  #opened = $state(0);

  readonly #stream = new EventStream({
    opened: () => this.#reopened(),
    event: (event) => this.#take(event),
    lost: (_error, retryIn) => {
      this.#state = retryIn === null ? 'locked' : 'lost';
    },
  });

  get state(): ConnectionState {
    return this.#state;
  }

  get version(): Version | null {
    return this.#version;
  }

  get uiConfig(): UiConfig {
    return this.#uiConfig;
  }

  /** Counts connections: read it where something has to be fetched again after each. */
  get opened(): number {
    return this.#opened;
  }

  /** Connect, and stay connected; returns how to stop. */
  start(): () => void {
    onUnauthorized(keyPrompt.ask);
    const hurry = () => {
      // Who has closed the question for a key is not asked again by looking.
      if (!document.hidden && this.#state !== 'locked') this.#stream.hurry();
    };
    document.addEventListener('visibilitychange', hurry);
    addEventListener('online', hurry);
    this.#stream.start();
    return () => {
      this.#stream.stop();
      document.removeEventListener('visibilitychange', hurry);
      removeEventListener('online', hurry);
      onUnauthorized(null);
    };
  }

  /** Do not wait for the next try. */
  retry(): void {
    this.#stream.hurry();
  }

  #reopened(): void {
    this.#state = 'live';
    this.#opened++;
    logs.reopened();
    recent.reopened();
    timeline.reopened();
    getVersion().then(
      (version) => (this.#version = version),
      () => undefined,
    );
  }

  #take(event: ServerEvent): void {
    switch (event.type) {
      case 'logData':
        logs.append(event.data);
        break;
      case 'modelStatus':
        models.replace(event.data);
        timeline.refresh();
        break;
      case 'uiConfig':
        this.#uiConfig = event.data;
        // It comes first of all, and again when the configuration was loaded again.
        profiles.refresh().catch(() => undefined);
        break;
      case 'profileChanged':
        profiles.changed(event.data.active);
        break;
      case 'activity':
        recent.added(event.data.id);
        timeline.refresh();
        break;
      case 'inflight':
        inflight.apply(event.data);
        break;
      case 'queue':
        queue.replace(event.data.waiting, event.data.total);
    }
  }
}

export const connection = new Connection();
