/**
 * A conversation as what was asked and answered in it, and which of them a tab has open.
 */

import type { Answer, Conversation } from './types';

/** In this tab, which conversation is open. */
const CURRENT = 'llamaswap.conversation';

/** What a conversation is called: what it begins with. */
export function titleOf(conversation: Conversation): string {
  const first = conversation.turns[0];
  if (!first) return '';
  return first.text.trim().replace(/\s+/g, ' ').slice(0, 80) || 'Images';
}

/** Whether the same was asked and answered in both. */
export function isSameTalk(a: Conversation, b: Conversation | null): boolean {
  return b !== null && talkOf(a) === talkOf(b);
}

function talkOf({ turns }: Conversation): string {
  const said = (one: Answer | null) => one && [one.text, one.reasoning];
  return JSON.stringify(
    turns.map(({ id, text, images, answers }) => [id, text, images.length, answers.map(said)]),
  );
}

/** The id of the one that was open in this tab; null where none was. */
export function markedConversation(): string | null {
  try {
    return sessionStorage.getItem(CURRENT);
  } catch {
    return null;
  }
}

/** After a reload this tab goes on with it. */
export function markConversation(id: string): void {
  try {
    sessionStorage.setItem(CURRENT, id);
  } catch {
    // Then it goes on with the newest.
  }
}
