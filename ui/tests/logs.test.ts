import { beforeEach, describe, expect, it, vi } from 'vitest';

import { LogBuffer, logs, MAX_CHARACTERS, MAX_LINE } from '$lib/stores/logs.svelte';

beforeEach(() => {
  vi.stubGlobal('requestAnimationFrame', (run: FrameRequestCallback) => {
    run(0);
    return 0;
  });
});

describe('LogBuffer', () => {
  it('gives the same lines, however they come', () => {
    const text = 'one\ntwo\r\n\nthree\r\nfo\rur';
    const lines = ['one', 'two', '', 'three', 'fo\rur'];
    for (let size = 1; size <= text.length; size++) {
      const buffer = new LogBuffer();
      for (let at = 0; at < text.length; at += size) buffer.append(text.slice(at, at + size));
      expect(buffer.lines).toEqual(lines);
    }
  });

  it('is bounded in lines, and numbers them all the same', () => {
    const buffer = new LogBuffer(100);
    for (let i = 0; i < 1000; i++) buffer.append(`line ${i}\n`);
    expect(buffer.lines.length).toBeLessThanOrEqual(100);
    expect(buffer.lines.length).toBeGreaterThanOrEqual(90);
    expect(buffer.lines[0]).toBe(`line ${buffer.dropped}`);
    expect(buffer.lines.at(-1)).toBe('line 999');
  });

  it('is bounded in characters, also where lines are long or never end', () => {
    const buffer = new LogBuffer();
    for (let i = 0; i < 1200; i++) buffer.append(`${'x'.repeat(10_000)}\n`);
    const held = buffer.lines.reduce((sum, line) => sum + line.length, 0);
    expect(held).toBeLessThanOrEqual(MAX_CHARACTERS);
    expect(held).toBeGreaterThan(MAX_CHARACTERS / 2);
    const endless = new LogBuffer();
    for (let i = 0; i < 100; i++) endless.append('y'.repeat(1000));
    expect(endless.lines.map((line) => line.length)).toEqual([MAX_LINE]);
  });

  it('tells of changes and forgets', () => {
    const buffer = new LogBuffer();
    const before = buffer.version;
    buffer.append('a');
    expect(buffer.version).toBeGreaterThan(before);
    buffer.clear();
    buffer.append('b');
    expect(buffer.lines).toEqual(['b']);
  });
});

describe('the logs of the events', () => {
  it('do not hold twice what comes again with a new connection', () => {
    logs.reopened();
    logs.append({ source: 'proxy', data: 'old\n' });
    logs.append({ source: 'proxy', data: 'new\n' });
    logs.append({ source: 'upstream', data: 'model\n' });
    logs.reopened();
    expect(logs.proxy.lines).toEqual(['old', 'new']);
    logs.append({ source: 'proxy', data: 'old\nnew\n' });
    expect(logs.proxy.lines).toEqual(['old', 'new']);
    expect(logs.upstream.lines).toEqual(['model']);
  });
});
