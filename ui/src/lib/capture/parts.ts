/**
 * What a request or a response says to people: parts of a conversation.
 */

export type PartKind = 'text' | 'reasoning' | 'tool' | 'note' | 'error';

export interface Part {
  kind: PartKind;
  /** Who says it, or what it is: `user`, `assistant`, `Reasoning`, `Call of get_weather`. */
  title: string;
  /** Untrusted. */
  text: string;
}

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

/** The value as an object: an empty one where it is none. */
export function object(value: Json | undefined): JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {};
}

export function array(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

/** Text as it is, nothing for nothing, all else as JSON. */
export function text(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** JSON that a model wrote, made readable; as it is where it is none. */
export function prettyText(value: string): string {
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}

/** Not the megabytes of a picture. */
function shortUrl(url: string): string {
  const data = /^data:([^;,]*)/.exec(url);
  return data ? `${data[1] || 'data'}, ${url.length} characters` : url;
}

/**
 * The content of a message of any of the APIs: a text, or parts of several kinds.
 *
 * @param title who says it.
 */
export function contentParts(title: string, content: Json | undefined): Part[] {
  if (typeof content === 'string') return content ? [{ kind: 'text', title, text: content }] : [];
  const parts: Part[] = [];
  for (const one of array(content)) {
    if (typeof one === 'string') {
      parts.push({ kind: 'text', title, text: one });
      continue;
    }
    parts.push(...contentPart(title, object(one)));
  }
  return parts;
}

function contentPart(title: string, part: JsonObject): Part[] {
  const type = text(part['type']);
  switch (type) {
    case 'text':
    case 'input_text':
    case 'output_text':
      return [{ kind: 'text', title, text: text(part['text']) }];
    case 'refusal':
      return [{ kind: 'error', title: 'Refusal', text: text(part['refusal']) }];
    case 'thinking':
    case 'redacted_thinking':
      return [
        { kind: 'reasoning', title: 'Reasoning', text: text(part['thinking'] ?? part['data']) },
      ];
    case 'tool_use':
      return [call(text(part['name']), part['input'])];
    case 'tool_result': {
      const inner = contentParts('Result of a tool', part['content']);
      return inner.map((one) => ({ ...one, kind: 'tool' }));
    }
    case 'image_url':
    case 'input_image': {
      const url = part['image_url'];
      const where = typeof url === 'string' ? url : text(object(url)['url']);
      return [{ kind: 'note', title: `${title}, image`, text: shortUrl(where) }];
    }
    case 'image': {
      const source = object(part['source']);
      const what = text(source['url']) || `${text(source['media_type'])}, in the request`;
      return [{ kind: 'note', title: `${title}, image`, text: shortUrl(what) }];
    }
    case 'input_audio':
      return [{ kind: 'note', title: `${title}, audio`, text: 'In the request' }];
    default:
      return [{ kind: 'note', title: type || title, text: prettyText(JSON.stringify(part)) }];
  }
}

/** A tool that the model wants called; its arguments as text or as JSON. */
export function call(name: string, input: Json | undefined): Part {
  return { kind: 'tool', title: `Call of ${name || 'a tool'}`, text: prettyText(text(input)) };
}

/** An error in a body, in any of the shapes in use. */
export function errorPart(value: Json): Part {
  const error = object(value);
  return { kind: 'error', title: 'Error', text: text(error['message']) || text(value) };
}
