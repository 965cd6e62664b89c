/**
 * A conversation as what was asked and answered in it, and which of them a tab has open.
 */

import type { Answer, AnswerState, Conversation, Turn } from './types';

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
  return b !== null && areSame(a.turns, b.turns, isSameTurn);
}

function isSameTurn(a: Turn, b: Turn): boolean {
  return (
    a.id === b.id &&
    a.text === b.text &&
    a.images.length === b.images.length &&
    areSame(a.answers, b.answers, isSameAnswer)
  );
}

function isSameAnswer(a: Answer | null, b: Answer | null): boolean {
  if (!a || !b) return a === b;
  return a.text === b.text && a.reasoning === b.reasoning && keptState(a) === keptState(b);
}

/** Of one that ran when it was written down it is read that it was stopped. */
function keptState({ state }: Answer): AnswerState {
  return state === 'running' ? 'stopped' : state;
}

function areSame<T>(a: T[], b: T[], same: (a: T, b: T) => boolean): boolean {
  return a.length === b.length && a.every((one, i) => same(one, b[i] as T));
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
