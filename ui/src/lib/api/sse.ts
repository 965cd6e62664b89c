/**
 * Server-sent events out of a text that comes in pieces.
 *
 * Source: the HTML standard, 9.2.6, without `id` and `retry`, which nobody sends us.
 */

export interface SseEvent {
  event: string;
  data: string;
}

/** Takes pieces of a stream, gives the events that are whole. */
export class SseParser {
  #rest = '';
  #event = '';
  #data: string[] = [];

  push(text: string): SseEvent[] {
    const events: SseEvent[] = [];
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (line === '') {
        if (this.#data.length) {
          events.push({ event: this.#event || 'message', data: this.#data.join('\n') });
        }
        this.#event = '';
        this.#data = [];
        continue;
      }
      const colon = line.indexOf(':');
      if (colon === 0) continue;
      const field = colon < 0 ? line : line.slice(0, colon);
      let value = colon < 0 ? '' : line.slice(colon + 1);
      if (value.startsWith(' ')) value = value.slice(1);
      if (field === 'data') this.#data.push(value);
      else if (field === 'event') this.#event = value;
    }
    return events;
  }
}

/** The events of a response's body, as they come. */
export async function* sseEvents(
  chunks: AsyncIterable<string>,
): AsyncGenerator<SseEvent, void, void> {
  const parser = new SseParser();
  for await (const chunk of chunks) yield* parser.push(chunk);
}
