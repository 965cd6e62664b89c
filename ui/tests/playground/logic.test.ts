import { describe, expect, it } from 'vitest';

import type { ListedModel, ModelStatus } from '$lib/api/types';
import { choicesOf, firstChoice } from '$lib/playground/choices';
import { endingOf, imageUrl } from '$lib/playground/images';
import { percentiles, runLoadTest, summarize, ticks, type Shot } from '$lib/playground/loadtest';
import {
  picturesOf,
  rankedOf,
  transcriptionOf,
  vectorsOf,
  voicesOf,
} from '$lib/playground/requests';
import {
  changedSettings,
  NUMBER_SETTINGS,
  PLAIN_SAMPLING,
  samplingFields,
  settingOf,
  wrongMore,
} from '$lib/playground/sampling';
import { cosine, cosines, nearestPairs, norm } from '$lib/playground/similarity';
import { encodeWav } from '$lib/playground/wav';

describe('sampling', () => {
  it('sends nothing that was left to the server', () => {
    expect(samplingFields(PLAIN_SAMPLING)).toEqual({});
    expect(changedSettings(PLAIN_SAMPLING)).toBe(0);
  });

  it('sends what was set, 0 too', () => {
    const set = { ...PLAIN_SAMPLING, temperature: 0, stop: 'a\n\nb', more: '{"x": [1]}' };
    expect(samplingFields(set)).toEqual({ temperature: 0, stop: ['a', 'b'], x: [1] });
    expect(changedSettings(set)).toBe(3);
  });

  it.each(['{', '[]', '1', 'null'])('says that %s is no object, and sends none of it', (more) => {
    expect(wrongMore(more)).not.toBe('');
    expect(samplingFields({ ...PLAIN_SAMPLING, more })).toEqual({});
  });

  it('holds numbers to their bounds', () => {
    const field = (name: string) => {
      const found = NUMBER_SETTINGS.find((one) => one.name === name);
      if (!found) throw new Error(name);
      return found;
    };
    expect(settingOf(field('temperature'), '9')).toBe(5);
    expect(settingOf(field('top_k'), '3.7')).toBe(4);
    expect(settingOf(field('top_p'), ' ')).toBeNull();
    expect(settingOf(field('top_p'), 'x')).toBeNull();
  });
});

describe('choices', () => {
  const model = (id: string, more: Partial<ModelStatus> = {}): ModelStatus => ({
    id,
    name: '',
    description: '',
    state: 'stopped',
    unlisted: false,
    peerID: '',
    aliases: [],
    ...more,
  });
  const all = [
    model('chat'),
    model('loaded', { state: 'ready' }),
    model('painter', { capabilities: { image_generation: true } }),
    model('hidden', { unlisted: true }),
  ];
  const listed = [{ id: 'chat' }, { id: 'gpt-4o' }] as ListedModel[];

  it('are those first that are for it, then the others, then names', () => {
    expect(choicesOf(all, listed, 'chat')).toEqual({
      suiting: ['chat', 'loaded'],
      others: ['painter'],
      names: ['gpt-4o'],
    });
    expect(choicesOf(all, listed, 'images').suiting).toEqual(['painter']);
  });

  it('begin with what was chosen last, else with one that is loaded', () => {
    const choices = choicesOf(all, listed, 'chat');
    expect(firstChoice(choices, all, 'gpt-4o')).toBe('gpt-4o');
    expect(firstChoice(choices, all, 'gone')).toBe('loaded');
    expect(firstChoice(choicesOf(all, [], 'speech'), all, undefined)).toBe('chat');
    expect(firstChoice(choicesOf([], [], 'chat'), [], undefined)).toBe('');
  });
});

describe('answers of the endpoints', () => {
  it('hold images as base64, of a type that is seen in them', () => {
    expect(imageUrl('iVBORw0KGgo=')).toBe('data:image/png;base64,iVBORw0KGgo=');
    expect(imageUrl('data:image/webp;base64,UklGRg==')).toBe('data:image/webp;base64,UklGRg==');
    expect(imageUrl('"><script>')).toBeNull();
    expect(endingOf('data:image/jpeg;base64,')).toBe('jpg');
  });

  it('show no image from elsewhere', () => {
    expect(picturesOf({ data: [{ url: 'https://example.com/x.png' }] })).toEqual([
      { url: null, elsewhere: 'https://example.com/x.png', revised: '' },
    ]);
    expect(() => picturesOf({ data: [{ url: 'javascript:alert(1)' }] })).toThrow(/no image/);
    expect(() => picturesOf({})).toThrow(/no image/);
  });

  it('name voices in several ways', () => {
    expect(voicesOf({ voices: ['a', { id: 'b' }, { name: 'c' }, 4, null] })).toEqual([
      'a',
      'b',
      'c',
    ]);
    expect(voicesOf(['a'])).toEqual(['a']);
    expect(voicesOf(null)).toEqual([]);
  });

  it('are transcriptions as JSON or as text', () => {
    expect(transcriptionOf('{"text": " a "}').text).toBe('a');
    expect(transcriptionOf('WEBVTT\n\na').text).toBe('WEBVTT\n\na');
    expect(transcriptionOf('"a"').text).toBe('"a"');
  });

  it('rank documents, the best first', () => {
    const results = [
      { index: 0, relevance_score: 0.1 },
      { index: 1, score: 0.9 },
    ];
    expect(rankedOf({ results }, ['a', 'b'])).toEqual([
      { index: 1, score: 0.9, text: 'b' },
      { index: 0, score: 0.1, text: 'a' },
    ]);
    expect(() => rankedOf({}, [])).toThrow(/no ranking/);
  });

  it('rank last what has no score, or one that is no number', () => {
    const results = [{ index: 0, score: '9' }, { index: 1 }, { index: 2, score: -5 }];
    const ranked = rankedOf({ results }, ['a', 'b', 'c']);
    expect(ranked.map(({ text }) => text)).toEqual(['c', 'a', 'b']);
    expect(ranked[1]?.score).toBeNaN();
  });

  it('are a vector for each text, in its order', () => {
    const data = [
      { index: 1, embedding: [2] },
      { index: 0, embedding: [[1]] },
    ];
    expect(vectorsOf({ data }, 2)).toEqual([[1], [2]]);
    expect(() => vectorsOf({ data }, 3)).toThrow('2 vectors for 3 texts');
    expect(() => vectorsOf({ data: [{ embedding: 'AAAA' }] }, 1)).toThrow();
  });
});

describe('similarity', () => {
  it('is 1 for the same direction, 0 for a right angle, -1 for the opposite', () => {
    expect(cosine([1, 2], [2, 4])).toBeCloseTo(1);
    expect(cosine([1, 0], [0, 3])).toBe(0);
    expect(cosine([1, 0], [-1, 0])).toBe(-1);
  });

  it('is 0 to nothing, and none between vectors of two lengths', () => {
    expect(cosine([0, 0], [1, 0])).toBe(0);
    expect(cosine([1], [1, 0])).toBeNaN();
  });

  it('measures long vectors', () => {
    expect(norm(Array.from({ length: 4096 }, () => 1))).toBeCloseTo(64);
  });

  it('finds the nearest pairs', () => {
    const matrix = cosines([
      [1, 0],
      [0, 1],
      [1, 0.1],
    ]);
    expect(matrix[0]?.[2]).toBe(matrix[2]?.[0]);
    expect(nearestPairs(matrix, 1)).toMatchObject([{ a: 0, b: 2 }]);
  });
});

describe('encodeWav', () => {
  it('writes a head and samples that do not overflow', async () => {
    const bytes = await new Promise<ArrayBuffer>((resolve) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result as ArrayBuffer);
      reader.readAsArrayBuffer(encodeWav(new Float32Array([0, 1, -2])));
    });
    const view = new DataView(bytes);
    expect(bytes.byteLength).toBe(50);
    expect(view.getUint32(24, true)).toBe(16_000);
    expect(view.getUint32(40, true)).toBe(6);
    expect([44, 46, 48].map((at) => view.getInt16(at, true))).toEqual([0, 32767, -32768]);
  });
});

describe('the load test', () => {
  const TEST = { model: 'm', prompt: 'p', requests: 7, concurrency: 3, maxTokens: 1 };
  const shot = (more: Partial<Shot> = {}): Shot => ({
    at: 0,
    firstTokenMs: 10,
    totalMs: 100,
    tokens: 5,
    tokensPerSecond: 50,
    error: '',
    ...more,
  });

  it('sends all, and never more at once than it may', async () => {
    let [open, most] = [0, 0];
    const told: Shot[] = [];
    await runLoadTest(
      TEST,
      (one) => told.push(one),
      new AbortController().signal,
      async () => {
        most = Math.max(most, ++open);
        await Promise.resolve();
        open--;
        return shot();
      },
    );
    expect(told).toHaveLength(7);
    expect(most).toBe(3);
  });

  it('ends when it is stopped, without what was under way', async () => {
    const abort = new AbortController();
    const told: Shot[] = [];
    await runLoadTest(
      TEST,
      (one) => told.push(one),
      abort.signal,
      async () => {
        if (told.length < 3) return shot();
        abort.abort();
        throw new DOMException('stopped', 'AbortError');
      },
    );
    expect(told.length).toBeLessThan(7);
  });

  it('sums up what went well, and counts what did not', () => {
    const summary = summarize([
      shot(),
      shot({ at: 100, totalMs: 300 }),
      shot({ error: 'full' }),
      shot({ error: 'full' }),
    ]);
    expect(summary).toMatchObject({ done: 2, failed: 2, errors: [['full', 2]] });
    expect(summary.requestsPerSecond).toBeCloseTo(5);
    expect(summary.tokensPerSecond).toBeCloseTo(25);
    expect(summary.total?.p50).toBe(200);
  });

  it('sums up nothing', () => {
    expect(summarize([])).toMatchObject({ done: 0, total: null, requestsPerSecond: null });
  });

  it('interpolates percentiles', () => {
    const { p50, p90, p99, max } = percentiles([4, 1, 3, 2]) ?? {};
    expect([p50, p90, max]).toEqual([2.5, 3.7, 4]);
    expect(p99).toBeCloseTo(3.97);
    expect(percentiles([])).toBeNull();
  });

  it('has an axis of few round values that holds them all', () => {
    for (const max of [0.3, 7, 99, 1234, 100_000]) {
      const values = ticks(max);
      expect(values.at(-1)).toBeGreaterThanOrEqual(max);
      expect(values.length).toBeLessThanOrEqual(6);
    }
    expect(ticks(0)).toEqual([0, 1]);
  });
});
