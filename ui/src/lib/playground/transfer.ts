/**
 * Conversations as files, and out of files: nothing in one is believed.
 */

import { samplingOf } from './sampling';
import {
  newId,
  type Answer,
  type AnswerState,
  type Conversation,
  type Problem,
  type Stats,
  type Turn,
} from './types';

const FORMAT = 'llamaswap-tw conversations';
const VERSION = 1;

type Fields = Record<string, unknown>;

export function exported(conversations: Conversation[]): string {
  return JSON.stringify({ format: FORMAT, version: VERSION, conversations }, null, 1);
}

/**
 * The conversations in a file: one of ours, or the messages of a request to the API.
 *
 * @returns with ids of their own, so that none takes the place of another.
 * @throws Error with a message for the user.
 */
export function imported(text: string): Conversation[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('This file is not JSON');
  }
  const file = fieldsOf(value);
  if (Array.isArray(file['conversations'])) {
    if (typeof file['version'] === 'number' && file['version'] > VERSION) {
      throw new Error('A newer version of this page wrote this file');
    }
    const all = file['conversations'].map(conversationOf).filter((one) => one !== null);
    if (all.length) return all.map(renamed);
  }
  const messages = Array.isArray(value) ? value : file['messages'];
  if (Array.isArray(messages)) {
    const one = ofMessages(messages, textOf(file['model']));
    if (one.turns.length) return [one];
  }
  throw new Error('This file holds no conversation');
}

/** The same with other ids. */
function renamed(one: Conversation): Conversation {
  return { ...one, id: newId(), turns: one.turns.map((turn) => ({ ...turn, id: newId() })) };
}

/** A conversation out of what was kept or imported; null where it is none. */
export function conversationOf(value: unknown): Conversation | null {
  const given = fieldsOf(value);
  if (!Array.isArray(given['turns'])) return null;
  const models = listOf(given['models'])
    .filter((one) => typeof one === 'string')
    .slice(0, 2);
  return {
    id: textOf(given['id']) || newId(),
    title: textOf(given['title']).slice(0, 200),
    updated: numberOf(given['updated']) ?? Date.now(),
    models: models.length ? models : [''],
    system: textOf(given['system']),
    sampling: samplingOf(given['sampling']),
    turns: turnsOf(given['turns']),
  };
}

/** With the ids that they have, by which what is shown of them stays when they are read anew. */
function turnsOf(values: unknown[]): Turn[] {
  const taken = new Set<string>();
  return values.map((value) => {
    const turn = turnOf(value);
    if (!turn.id || taken.has(turn.id)) turn.id = newId();
    taken.add(turn.id);
    return turn;
  });
}

function turnOf(value: unknown): Turn {
  const given = fieldsOf(value);
  return {
    id: textOf(given['id']),
    text: textOf(given['text']),
    images: listOf(given['images']).filter(isImage),
    answers: listOf(given['answers']).slice(0, 2).map(answerOf),
  };
}

const STATES: readonly AnswerState[] = ['done', 'stopped', 'failed'];

function answerOf(value: unknown): Answer | null {
  if (typeof value !== 'object' || value === null) return null;
  const given = fieldsOf(value);
  return {
    model: textOf(given['model']),
    // Nobody goes on with one that ran when it was kept.
    state: STATES.find((one) => one === given['state']) ?? 'stopped',
    text: textOf(given['text']),
    reasoning: textOf(given['reasoning']),
    problem: problemOf(given['problem']),
    stats: statsOf(given['stats']),
  };
}

function problemOf(value: unknown): Problem | null {
  if (typeof value !== 'object' || value === null) return null;
  const given = fieldsOf(value);
  return {
    title: textOf(given['title']),
    message: textOf(given['message']),
    status: numberOf(given['status']) ?? 0,
    code: textOf(given['code']),
    retryAfter: numberOf(given['retryAfter']),
    log: textOf(given['log']),
  };
}

function statsOf(value: unknown): Stats | null {
  if (typeof value !== 'object' || value === null) return null;
  const given = fieldsOf(value);
  return {
    firstTokenMs: numberOf(given['firstTokenMs']),
    loadMs: numberOf(given['loadMs']),
    totalMs: numberOf(given['totalMs']) ?? 0,
    reasoningMs: numberOf(given['reasoningMs']),
    promptTokens: numberOf(given['promptTokens']),
    promptPerSecond: numberOf(given['promptPerSecond']),
    tokens: numberOf(given['tokens']),
    tokensPerSecond: numberOf(given['tokensPerSecond']),
    estimated: given['estimated'] === true,
    finish: textOf(given['finish']),
  };
}

/** The messages of the API: questions, and the answers behind them. */
function ofMessages(messages: unknown[], model: string): Conversation {
  const system: string[] = [];
  const turns: Turn[] = [];
  for (const message of messages) {
    const { role, content } = fieldsOf(message);
    const { text, images } = contentOf(content);
    if (role === 'system' || role === 'developer') system.push(text);
    else if (role === 'user') turns.push({ id: newId(), text, images, answers: [] });
    else if (role === 'assistant' && text) {
      turns.at(-1)?.answers.splice(0, 1, {
        model,
        state: 'done',
        text,
        reasoning: '',
        problem: null,
        stats: null,
      });
    }
  }
  return {
    id: newId(),
    title: (turns[0]?.text ?? '').slice(0, 80),
    updated: Date.now(),
    models: [model],
    system: system.join('\n\n'),
    sampling: samplingOf(null),
    turns,
  };
}

function contentOf(content: unknown): { text: string; images: string[] } {
  if (typeof content === 'string') return { text: content, images: [] };
  const parts = listOf(content).map(fieldsOf);
  const text = parts.map((part) => textOf(part['text'])).filter((one) => one);
  const images = parts.map((part) => fieldsOf(part['image_url'])['url']).filter(isImage);
  return { text: text.join('\n'), images };
}

/** Nothing is fetched from elsewhere for a file's sake. */
function isImage(value: unknown): value is string {
  return typeof value === 'string' && /^data:image\/[a-z0-9.+-]+;base64,/i.test(value);
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
