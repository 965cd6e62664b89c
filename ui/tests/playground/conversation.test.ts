import { describe, expect, it } from 'vitest';

import { keptSummary, summaryOf, toDrop } from '$lib/playground/archive';
import { messagesOf, requestOf } from '$lib/playground/messages';
import { PLAIN_SAMPLING } from '$lib/playground/sampling';
import { conversationOf, exported, imported } from '$lib/playground/transfer';
import type { Answer, Conversation, Summary, Turn } from '$lib/playground/types';

const IMAGE = 'data:image/png;base64,AA==';

function answer(text: string): Answer {
  return { model: 'a', state: 'done', text, reasoning: 'hm', problem: null, stats: null };
}

function turn(id: string, text: string, ...answers: (Answer | null)[]): Turn {
  return { id, text, images: [], answers };
}

function conversation(...turns: Turn[]): Conversation {
  return {
    id: 'c',
    title: 'T',
    updated: 1,
    models: ['a', 'b'],
    system: '',
    sampling: { ...PLAIN_SAMPLING },
    turns,
  };
}

describe('messagesOf', () => {
  const last = turn('3', 'q3');
  const talk = conversation(
    turn('1', 'q1', answer('a1')),
    turn('2', 'q2', answer('a2'), answer('b2')),
    last,
  );

  it('gives each model its own answers, and those from before it joined', () => {
    expect(messagesOf(talk, 1, last).map(({ content }) => content)).toEqual([
      'q1',
      'a1',
      'q2',
      'b2',
      'q3',
    ]);
  });

  it('ends with the question that is asked, whatever comes after it', () => {
    const [first] = talk.turns;
    expect(first && messagesOf(talk, 0, first)).toEqual([{ role: 'user', content: 'q1' }]);
  });

  it('begins with the system prompt, where there is one', () => {
    expect(messagesOf({ ...talk, system: 'Be brief' }, 0, last)[0]).toEqual({
      role: 'system',
      content: 'Be brief',
    });
    expect(messagesOf({ ...talk, system: ' ' }, 0, last)[0]?.role).toBe('user');
  });

  it('leaves out questions that nobody answered', () => {
    const failed = conversation(turn('1', 'q1', answer('')), last);
    expect(messagesOf(failed, 0, last)).toEqual([{ role: 'user', content: 'q3' }]);
  });

  it('sends images before the text', () => {
    const shown = { ...last, images: [IMAGE] };
    expect(messagesOf(conversation(shown), 0, shown)[0]?.content).toEqual([
      { type: 'image_url', image_url: { url: IMAGE } },
      { type: 'text', text: 'q3' },
    ]);
  });

  it('lets further fields change the settings, but not what is asked', () => {
    const more = '{"temperature": 1, "model": "x", "stream": false}';
    const asked = { ...talk, sampling: { ...PLAIN_SAMPLING, temperature: 0.5, more } };
    expect(requestOf(asked, 1, last)).toMatchObject({ temperature: 1, model: 'b', stream: true });
  });
});

describe('exported and imported', () => {
  it('brings back what was written, under another id', () => {
    const talk = conversation({ ...turn('1', 'q', answer('a'), null), images: [IMAGE] });
    const [got] = imported(exported([talk]));
    expect(got?.id).not.toBe('c');
    expect({ ...got, id: 'c', turns: [{ ...got?.turns[0], id: '1' }] }).toEqual(talk);
  });

  it('takes the messages of a request', () => {
    const messages = [
      { role: 'system', content: 'Be brief' },
      { role: 'user', content: [{ type: 'text', text: 'q' }] },
      { role: 'assistant', content: 'a' },
    ];
    const [got] = imported(JSON.stringify({ model: 'm', messages }));
    expect(got).toMatchObject({ system: 'Be brief', models: ['m'], title: 'q' });
    expect(got?.turns[0]?.answers[0]).toMatchObject({ text: 'a', state: 'done' });
  });

  it.each(['', 'no JSON', '{}', '[]', 'null', '{"conversations": [1, null, {}]}'])(
    'says that there is none in %s',
    (text) => expect(() => imported(text)).toThrow(/file/),
  );

  it('refuses what a newer page has written', () => {
    expect(() => imported('{"version": 99, "conversations": []}')).toThrow(/newer/);
  });

  it('believes nothing in a file', () => {
    const [got] = imported(
      JSON.stringify({
        conversations: [
          {
            title: { toString: 1 },
            models: [1, 'a', 'b', 'c'],
            sampling: { temperature: 'hot', top_k: 5, __proto__: { x: 1 } },
            turns: [
              { text: 5, images: ['https://example.com/x.png', IMAGE], answers: ['x', {}] },
              null,
            ],
          },
        ],
      }),
    );
    expect(got).toMatchObject({ title: '', models: ['a', 'b'] });
    expect(got?.sampling).toEqual({ ...PLAIN_SAMPLING, top_k: 5 });
    expect(got?.turns[0]).toMatchObject({ text: '', images: [IMAGE] });
    expect(got?.turns[0]?.answers).toMatchObject([null, { text: '', state: 'stopped' }]);
  });

  it('gives each exchange an id of its own, and leaves those that they have', () => {
    const talk = conversation(turn('1', 'q1'), turn('1', 'q2'), turn('', 'q3'), turn('2', 'q4'));
    const ids = conversationOf(talk)?.turns.map(({ id }) => id) ?? [];
    expect(new Set(ids).size).toBe(4);
    expect([ids[0], ids[3]]).toEqual(['1', '2']);
  });

  it('says of an answer that ran when it was kept that it was stopped', () => {
    const talk = conversation(turn('1', 'q', { ...answer('a'), state: 'running' }));
    expect(imported(exported([talk]))[0]?.turns[0]?.answers[0]?.state).toBe('stopped');
  });
});

describe('what the browser keeps', () => {
  const summary = (id: string, updated: number, size = 10): Summary => ({
    id,
    title: id,
    updated,
    turns: 1,
    size,
  });
  const all = [summary('old', 1), summary('older', 0), summary('new', 2)];

  it('is all, while it is within the bounds', () => {
    expect(toDrop(all, 'new', { count: 3, size: 30 })).toEqual([]);
  });

  it('loses the oldest where there are too many', () => {
    expect(toDrop(all, 'new', { count: 1, size: 1000 })).toEqual(['older', 'old']);
  });

  it('loses the oldest where they are too large', () => {
    expect(toDrop(all, 'new', { count: 9, size: 20 })).toEqual(['older']);
  });

  it('has in any case what is being written', () => {
    expect(
      toDrop([summary('big', 0, 99), summary('old', 1)], 'big', { count: 9, size: 9 }),
    ).toEqual(['old']);
  });

  it('is told of whatever is found there', () => {
    const kept = { id: 'y', title: 5, updated: 'z', turns: null, size: NaN };
    expect(keptSummary(kept)).toEqual({ id: 'y', title: '', updated: 0, turns: 0, size: 0 });
    const whole = summary('a', 1);
    expect(keptSummary(whole)).toEqual(whole);
  });

  it('counts images', () => {
    const images = ['x'.repeat(5000)];
    expect(summaryOf(conversation({ ...turn('1', 'q'), images })).size).toBeGreaterThan(5000);
  });
});
