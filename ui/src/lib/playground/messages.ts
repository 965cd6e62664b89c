/**
 * A conversation as the messages of a request.
 */

import { samplingFields } from './sampling';
import type { Answer, Conversation, Turn } from './types';

type Part = { type: 'text'; text: string } | { type: 'image_url'; image_url: { url: string } };

export interface Message {
  role: 'system' | 'user' | 'assistant';
  content: string | Part[];
}

/** The answer that a model's history has: its own, or the other's from before it joined. */
function answerOf(turn: Turn, column: number): Answer | null {
  return turn.answers[column] ?? turn.answers.find((one) => one !== null) ?? null;
}

function question(turn: Turn): Message {
  if (!turn.images.length) return { role: 'user', content: turn.text };
  const parts: Part[] = turn.images.map((url) => ({ type: 'image_url', image_url: { url } }));
  if (turn.text) parts.push({ type: 'text', text: turn.text });
  return { role: 'user', content: parts };
}

/**
 * The messages up to a turn's question.
 *
 * @param column which of the models is asked.
 * @param last the turn that is to be answered.
 */
export function messagesOf(conversation: Conversation, column: number, last: Turn): Message[] {
  const messages: Message[] = [];
  if (conversation.system.trim()) {
    messages.push({ role: 'system', content: conversation.system });
  }
  for (const turn of conversation.turns) {
    messages.push(question(turn));
    if (turn.id === last.id) break;
    const text = answerOf(turn, column)?.text ?? '';
    // Two questions in a row break some models' templates; so does an empty answer.
    if (text) messages.push({ role: 'assistant', content: text });
    else messages.pop();
  }
  return messages;
}

/** The whole request for an answer. */
export function requestOf(
  conversation: Conversation,
  column: number,
  turn: Turn,
): Record<string, unknown> {
  return {
    ...samplingFields(conversation.sampling),
    model: conversation.models[column] ?? '',
    messages: messagesOf(conversation, column, turn),
    stream: true,
    stream_options: { include_usage: true },
  };
}
