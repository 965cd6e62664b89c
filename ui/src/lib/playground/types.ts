/**
 * What the playground works with: conversations, what was asked and answered, and how it
 * went. This is also what the browser keeps and what is exported.
 */

/** Why something came to nothing, as it is shown. */
export interface Problem {
  /** In a few words. */
  title: string;
  /** What the server said. */
  message: string;
  /** Of HTTP; 0 where there was no answer. */
  status: number;
  code: string;
  /** Seconds after which to try again, or null. */
  retryAfter: number | null;
  /** The last lines of the model's output; untrusted. Empty where there are none. */
  log: string;
}

/** How fast an answer came. What is not known is null. */
export interface Stats {
  /** From the request to the first token, in milliseconds. */
  firstTokenMs: number | null;
  /** How long of that was the wait for the model to load. */
  loadMs: number | null;
  /** From the request to the end. */
  totalMs: number;
  /** From the first token of its reasoning to the first of the answer. */
  reasoningMs: number | null;
  promptTokens: number | null;
  promptPerSecond: number | null;
  tokens: number | null;
  tokensPerSecond: number | null;
  /** Whether tokens and their speed are counted by us, from the pieces that came. */
  estimated: boolean;
  /** Why the model ended: `stop`, `length`, … Empty where it did not say. */
  finish: string;
}

export type AnswerState = 'running' | 'done' | 'stopped' | 'failed';

export interface Answer {
  model: string;
  state: AnswerState;
  text: string;
  reasoning: string;
  problem: Problem | null;
  stats: Stats | null;
}

/** What was asked, and what each of the models answered. */
export interface Turn {
  id: string;
  text: string;
  /** As `data:` URLs. */
  images: string[];
  /** By the place of the model in the conversation's list. */
  answers: (Answer | null)[];
}

/** Settings of how tokens are chosen; null leaves it to the server. */
export interface Sampling {
  temperature: number | null;
  top_p: number | null;
  top_k: number | null;
  min_p: number | null;
  repeat_penalty: number | null;
  presence_penalty: number | null;
  frequency_penalty: number | null;
  max_tokens: number | null;
  seed: number | null;
  /** One a line. */
  stop: string;
  /** More of the request's fields, as JSON; empty for none. */
  more: string;
}

export interface Conversation {
  id: string;
  title: string;
  /** In milliseconds since the epoch. */
  updated: number;
  /** One, or two side by side. */
  models: string[];
  system: string;
  sampling: Sampling;
  turns: Turn[];
}

/** What is known of a conversation without reading it. */
export interface Summary {
  id: string;
  title: string;
  updated: number;
  turns: number;
  /** In characters, about. */
  size: number;
}

export function newId(): string {
  // Over plain HTTP to another machine there is no `randomUUID`.
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
