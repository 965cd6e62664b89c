/**
 * A captured request or response as a conversation, and as readable JSON.
 */

import { SseParser } from '../api/sse';
import type { Body } from './body';
import {
  array,
  call,
  contentParts,
  errorPart,
  object,
  prettyText,
  text,
  type Json,
  type JsonObject,
  type Part,
} from './parts';
import { joined } from './stream';

/** JSON, or undefined where it is none: it may have been cut. */
export function parsed(source: string): Json | undefined {
  try {
    return JSON.parse(source) as Json;
  } catch {
    return undefined;
  }
}

/** An event of a stream as it is listed. */
export interface StreamEvent {
  name: string;
  data: string;
}

/** The events of a stream; the last one also where it was cut before its end. */
export function eventsOf(source: string): StreamEvent[] {
  return new SseParser().push(`${source}\n\n`).map(({ event, data }) => ({ name: event, data }));
}

function objectsOf(datas: Iterable<string>): JsonObject[] {
  const objects: JsonObject[] = [];
  for (const data of datas) {
    const value = parsed(data);
    if (value !== undefined && value !== null && typeof value === 'object') {
      objects.push(object(value));
    }
  }
  return objects;
}

/** What a body says to people; empty where that is not known. */
export function partsOf(body: Body): Part[] {
  if (body.text === null) return [];
  if (body.kind === 'events') {
    return joined(objectsOf(eventsOf(body.text).map(({ data }) => data)));
  }
  if (body.kind === 'lines') return joined(objectsOf(body.text.split('\n')));
  const value = parsed(body.text);
  return value === undefined ? [] : [...asked(object(value)), ...answered(object(value))];
}

/** What a request says: of any of the APIs. */
function asked(body: JsonObject): Part[] {
  const parts: Part[] = [];
  parts.push(...contentParts('system', body['system'] ?? body['instructions']));
  for (const one of array(body['messages'])) parts.push(...messageParts(object(one)));
  const { input, prompt, query, documents } = body;
  if (typeof input === 'string') parts.push({ kind: 'text', title: 'input', text: input });
  for (const one of array(input)) {
    if (typeof one === 'string') parts.push({ kind: 'text', title: 'input', text: one });
    else parts.push(...itemParts(object(one)));
  }
  if (typeof prompt === 'string') parts.push({ kind: 'text', title: 'prompt', text: prompt });
  if (typeof query === 'string') parts.push({ kind: 'text', title: 'query', text: query });
  for (const [i, one] of array(documents).entries()) {
    const document = typeof one === 'string' ? one : text(object(one)['text']);
    parts.push({ kind: 'text', title: `document ${i + 1}`, text: document });
  }
  return parts;
}

function messageParts(message: JsonObject): Part[] {
  const role = text(message['role']) || 'message';
  const parts: Part[] = [];
  const reasoning = text(message['reasoning_content'] ?? message['reasoning']);
  if (reasoning) parts.push({ kind: 'reasoning', title: 'Reasoning', text: reasoning });
  parts.push(...contentParts(role, message['content']));
  const refusal = text(message['refusal']);
  if (refusal) parts.push({ kind: 'error', title: 'Refusal', text: refusal });
  for (const one of array(message['tool_calls'])) {
    const { name, arguments: given } = object(object(one)['function']);
    parts.push(call(text(name), given));
  }
  return parts;
}

/** An item of the responses API, asked or answered. */
function itemParts(item: JsonObject): Part[] {
  switch (item['type']) {
    case 'function_call':
      return [call(text(item['name']), item['arguments'])];
    case 'function_call_output':
      return [{ kind: 'tool', title: 'Result of a tool', text: prettyText(text(item['output'])) }];
    case 'reasoning':
      return [...array(item['summary']), ...array(item['content'])].map((one) => ({
        kind: 'reasoning',
        title: 'Reasoning',
        text: text(object(one)['text']),
      }));
    default:
      return messageParts(item);
  }
}

/** What a whole response says. */
function answered(body: JsonObject): Part[] {
  const parts: Part[] = [];
  if (body['error'] !== undefined && body['error'] !== null) parts.push(errorPart(body['error']));
  for (const one of array(body['choices'])) {
    const choice = object(one);
    if (choice['message']) parts.push(...messageParts(object(choice['message'])));
    else if (choice['text']) {
      parts.push({ kind: 'text', title: 'assistant', text: text(choice['text']) });
    }
    const reason = text(choice['finish_reason']);
    if (reason) parts.push({ kind: 'note', title: 'Ended', text: reason });
  }
  for (const one of array(body['output'])) parts.push(...itemParts(object(one)));
  if (body['type'] === 'message' || typeof body['content'] === 'string') {
    parts.push(...contentParts(text(body['role']) || 'assistant', body['content']));
    const reason = text(body['stop_reason']);
    if (reason) parts.push({ kind: 'note', title: 'Ended', text: reason });
  }
  // A transcription.
  if (typeof body['text'] === 'string') {
    parts.push({ kind: 'text', title: 'text', text: body['text'] });
  }
  return parts;
}

/** JSON, indented; events with their data indented; all else as it is. */
export function pretty(body: Body): string {
  if (body.text === null) return '';
  if (body.kind === 'json') return prettyText(body.text);
  if (body.kind === 'lines')
    return body.text.split('\n').filter(Boolean).map(prettyText).join('\n');
  if (body.kind === 'events') {
    return eventsOf(body.text)
      .map(({ name, data }) => `${name === 'message' ? '' : `${name}\n`}${prettyText(data)}`)
      .join('\n\n');
  }
  return body.text;
}
