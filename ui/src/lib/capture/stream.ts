/**
 * The pieces of a streamed answer, put together: of OpenAI's chat completions, completions
 * and responses, of Anthropic's messages, and of llama.cpp's own completion.
 */

import {
  array,
  call,
  errorPart,
  object,
  text,
  type Json,
  type JsonObject,
  type Part,
} from './parts';

/** A piece of a stream: the data of an event, or a line, as JSON. */
type Piece = JsonObject;

interface Open {
  kind: Part['kind'];
  title: string;
  pieces: string[];
  /** Arguments of a call, of this name. */
  name: string | null;
}

/** What is being said, by keys in the order of their first piece. */
class Said {
  readonly #open = new Map<string, Open>();

  add(key: string, kind: Part['kind'], title: string, piece: Json | undefined): void {
    const more = text(piece);
    const open = this.#open.get(key);
    if (open) open.pieces.push(more);
    else if (more) this.#open.set(key, { kind, title, pieces: [more], name: null });
  }

  /** A call; its name comes with its first piece. */
  call(key: string, name: string, piece: Json | undefined): void {
    const open = this.#open.get(key);
    if (!open) this.#open.set(key, { kind: 'tool', title: '', pieces: [text(piece)], name });
    else {
      open.name ||= name;
      open.pieces.push(text(piece));
    }
  }

  has(key: string): boolean {
    return this.#open.has(key);
  }

  parts(): Part[] {
    return [...this.#open.values()].map(({ kind, title, pieces, name }) =>
      name === null ? { kind, title, text: pieces.join('') } : call(name, pieces.join('')),
    );
  }
}

/** Why it ended, where that is told. */
class Ends {
  readonly #reasons = new Set<string>();

  add(reason: Json | undefined): void {
    if (typeof reason === 'string' && reason) this.#reasons.add(reason);
  }

  parts(): Part[] {
    if (!this.#reasons.size) return [];
    return [{ kind: 'note', title: 'Ended', text: [...this.#reasons].join(', ') }];
  }
}

/** All that a stream says, in order. */
export function joined(pieces: Iterable<Piece>): Part[] {
  const said = new Said();
  const ends = new Ends();
  const errors: Part[] = [];
  for (const piece of pieces) {
    const type = text(piece['type']);
    if (piece['error'] !== undefined && piece['error'] !== null) {
      errors.push(errorPart(piece['error']));
    } else if (piece['choices']) choices(piece, said, ends);
    else if (type.startsWith('response.')) response(type, piece, said, ends, errors);
    else if (type) message(type, piece, said, ends);
    else if (typeof piece['content'] === 'string') {
      said.add('content', 'text', 'assistant', piece['content']);
      ends.add(piece['stop_type']);
    } else if (typeof piece['message'] === 'object') {
      said.add('content', 'text', 'assistant', object(piece['message'])['content']);
    }
  }
  return [...said.parts(), ...errors, ...ends.parts()];
}

function choices(piece: Piece, said: Said, ends: Ends): void {
  for (const one of array(piece['choices'])) {
    const choice = object(one);
    const index = text(choice['index'] ?? 0);
    const title = index === '0' ? 'assistant' : `assistant, answer ${Number(index) + 1}`;
    const delta = object(choice['delta']);
    said.add(
      `${index} reasoning`,
      'reasoning',
      'Reasoning',
      delta['reasoning_content'] ?? delta['reasoning'],
    );
    said.add(`${index} text`, 'text', title, delta['content'] ?? choice['text']);
    said.add(`${index} refusal`, 'error', 'Refusal', delta['refusal']);
    for (const tool of array(delta['tool_calls'])) {
      const { index: at, function: called } = object(tool);
      const { name, arguments: given } = object(called);
      said.call(`${index} tool ${text(at ?? 0)}`, text(name), given);
    }
    ends.add(choice['finish_reason']);
  }
}

/** Anthropic's messages. */
function message(type: string, piece: Piece, said: Said, ends: Ends): void {
  const key = `block ${text(piece['index'])}`;
  if (type === 'content_block_start') {
    const block = object(piece['content_block']);
    if (block['type'] === 'tool_use') said.call(key, text(block['name']), '');
    else if (block['type'] === 'thinking') {
      said.add(key, 'reasoning', 'Reasoning', block['thinking']);
    } else said.add(key, 'text', 'assistant', block['text']);
  } else if (type === 'content_block_delta') {
    const delta = object(piece['delta']);
    if (delta['type'] === 'input_json_delta') said.call(key, '', delta['partial_json']);
    else if (delta['type'] === 'thinking_delta') {
      said.add(key, 'reasoning', 'Reasoning', delta['thinking']);
    } else if (delta['type'] === 'text_delta') said.add(key, 'text', 'assistant', delta['text']);
  } else if (type === 'message_delta') {
    ends.add(object(piece['delta'])['stop_reason']);
  }
}

/** OpenAI's responses. */
function response(type: string, piece: Piece, said: Said, ends: Ends, errors: Part[]): void {
  const item = text(piece['output_index'] ?? 0);
  const part = text(piece['content_index'] ?? piece['summary_index'] ?? 0);
  switch (type) {
    case 'response.output_item.added': {
      const added = object(piece['item']);
      if (added['type'] === 'function_call') {
        said.call(`${item} call`, text(added['name']), added['arguments']);
      }
      break;
    }
    case 'response.output_text.delta':
      said.add(`${item} text ${part}`, 'text', 'assistant', piece['delta']);
      break;
    case 'response.refusal.delta':
      said.add(`${item} refusal ${part}`, 'error', 'Refusal', piece['delta']);
      break;
    case 'response.reasoning_text.delta':
    case 'response.reasoning_summary_text.delta':
      said.add(`${item} reasoning ${part}`, 'reasoning', 'Reasoning', piece['delta']);
      break;
    case 'response.function_call_arguments.delta':
      said.call(`${item} call`, '', piece['delta']);
      break;
    case 'response.function_call_arguments.done':
      // Some servers send no pieces of it.
      if (!said.has(`${item} call`)) {
        said.call(`${item} call`, text(piece['name']), piece['arguments']);
      }
      break;
    case 'response.completed':
    case 'response.incomplete':
    case 'response.failed': {
      const { status, error } = object(piece['response']);
      if (error) errors.push(errorPart(error));
      ends.add(status);
    }
  }
}
