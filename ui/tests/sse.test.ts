import { describe, expect, it } from 'vitest';

import { SseParser } from '$lib/api/sse';

describe('SseParser', () => {
  const stream =
    ': hello\n\nevent:message\ndata:{"a":1}\n\ndata: one\r\ndata:  two\r\n\r\nid: 3\nevent: x\n\ndata\n\ndata: rest';

  const expected = [
    { event: 'message', data: '{"a":1}' },
    { event: 'message', data: 'one\n two' },
    { event: 'message', data: '' },
  ];

  it('gives whole events, however the text comes', () => {
    for (let size = 1; size <= stream.length; size++) {
      const parser = new SseParser();
      const events = [];
      for (let at = 0; at < stream.length; at += size) {
        events.push(...parser.push(stream.slice(at, at + size)));
      }
      expect(events).toEqual(expected);
    }
  });
});
