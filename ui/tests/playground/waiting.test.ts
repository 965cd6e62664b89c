import { render, screen } from '@testing-library/svelte';
import { beforeEach, describe, expect, it } from 'vitest';

import type { InflightEntry, ModelStatus } from '$lib/api/types';
import { marked } from '$lib/playground/waiting.svelte';
import { inflight } from '$lib/stores/inflight.svelte';
import { models } from '$lib/stores/models.svelte';
import { queue } from '$lib/stores/queue.svelte';

import WaitNote from '../../src/pages/playground/parts/WaitNote.svelte';
import { eventually } from '../patience';

function model(id: string, state: ModelStatus['state']): ModelStatus {
  return {
    id,
    name: '',
    description: '',
    state,
    unlisted: false,
    peerID: '',
    aliases: [],
    state_since: new Date().toISOString(),
    load_seconds: [3, 4, 5],
  };
}

function entry(id: string, mark: string): InflightEntry {
  const [[name, value] = ['', '']] = Object.entries(marked(mark));
  return {
    id,
    timestamp: '',
    model: 'llama',
    req_path: '/v1/chat/completions',
    method: 'POST',
    // As the daemon writes their names.
    req_headers: { [name.toUpperCase()]: value },
    remote_ip: '',
    resp_headers: null,
    resp_bytes: 0,
    elapsed_ms: 0,
    metadata: null,
  };
}

const said = () => screen.getByRole('status').textContent;

describe('what is told of a wait', () => {
  beforeEach(() => {
    models.replace([model('llama', 'stopped'), model('qwen', 'ready')]);
    inflight.apply({ operation: 'snapshot', requests: [entry('1', 'other'), entry('2', 'mine')] });
    queue.replace([]);
  });

  it('is that the model loads, and how long it usually takes', async () => {
    models.replace([model('llama', 'starting')]);
    render(WaitNote, { model: 'llama', mark: 'mine', since: 0 });
    expect(said()).toBe('llama is loading');
    expect(screen.getByRole('progressbar', { name: 'Loading llama' })).toBeTruthy();
  });

  it('is the place in the queue of this request, not of another for the model', async () => {
    const since = new Date().toISOString();
    queue.replace([
      { id: '1', model: 'llama', since, position: 1, behind: [] },
      { id: '2', model: 'llama', since, position: 2, behind: ['qwen'] },
    ]);
    render(WaitNote, { model: 'llama', mark: 'mine', since: 0 });
    await eventually(() =>
      expect(said()).toBe('Waits for llama, place 2 in the queue, behind qwen'),
    );
  });

  it('names the model that is behind an alias', async () => {
    models.replace([model('llama', 'ready')]);
    render(WaitNote, { model: 'gpt-4o', mark: 'mine', since: 0, doing: 'reads the prompt' });
    await eventually(() => expect(said()).toBe('llama reads the prompt'));
  });

  it('is that it waits where nothing else is known', () => {
    render(WaitNote, { model: 'some-selector', mark: 'unseen', since: 0 });
    expect(said()).toBe('Waits for some-selector');
  });
});
