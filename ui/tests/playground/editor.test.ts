import { fireEvent, render, screen } from '@testing-library/svelte';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { chat } from '$lib/playground/chat.svelte';
import type { Answer, Turn } from '$lib/playground/types';

import AnswerView from '../../src/pages/playground/chat/AnswerView.svelte';
import Question from '../../src/pages/playground/chat/Question.svelte';

let count = 0;
let turn: Turn;
let answer: Answer;

beforeEach(() => {
  answer = { model: 'a', state: 'done', text: 'said', reasoning: '', problem: null, stats: null };
  turn = { id: `t${count++}`, text: 'asked', images: [], answers: [answer] };
});

const showAnswer = () => render(AnswerView, { turn, column: 0, answer, last: true });
const begin = () => fireEvent.click(screen.getByLabelText('Edit the answer'));
const field = () => screen.getByLabelText<HTMLTextAreaElement>('The answer');
const write = (value: string) => fireEvent.input(field(), { target: { value } });
const leave = () => fireEvent.keyDown(field(), { key: 'Escape' });

describe('a text that is being changed', () => {
  it('is there again when its view is', async () => {
    const { unmount } = showAnswer();
    await begin();
    await write('half a thou');
    unmount();
    showAnswer();
    expect(field().value).toBe('half a thou');
  });

  it('is there again after it was left by Escape', async () => {
    showAnswer();
    await begin();
    await write('half a thou');
    await leave();
    expect(screen.queryByLabelText('The answer')).toBeNull();
    await begin();
    expect(field().value).toBe('half a thou');
  });

  it('is what it was where nothing was changed', async () => {
    const { rerender } = showAnswer();
    await begin();
    await leave();
    await rerender({ answer: { ...answer, text: 'said anew' } });
    await begin();
    expect(field().value).toBe('said anew');
  });

  it('is given up by Cancel', async () => {
    showAnswer();
    await begin();
    await write('half a thou');
    await fireEvent.click(screen.getByText('Cancel'));
    await begin();
    expect(field().value).toBe('said');
    expect(sessionStorage).toHaveLength(0);
  });

  it('is kept no longer once it was saved', async () => {
    const rewrite = vi.spyOn(chat, 'rewrite').mockReturnValue();
    showAnswer();
    await begin();
    await write('a thought');
    await fireEvent.click(screen.getByText('Save'));
    expect(rewrite).toHaveBeenCalledWith(turn.id, 0, 'a thought');
    expect(sessionStorage).toHaveLength(0);
    rewrite.mockRestore();
  });

  it('is not saved into an answer that still comes', async () => {
    const { rerender } = showAnswer();
    await begin();
    await write('a thought');
    await rerender({ answer: { ...answer, state: 'running' } });
    expect(screen.queryByLabelText('The answer')).toBeNull();
    await rerender({ answer });
    expect(field().value).toBe('a thought');
  });

  it('may be a question', async () => {
    const { unmount } = render(Question, { turn, behind: 0 });
    await fireEvent.click(screen.getByLabelText('Edit the question'));
    const question = () => screen.getByLabelText<HTMLTextAreaElement>('The question');
    await fireEvent.input(question(), { target: { value: 'asked ano' } });
    unmount();
    render(Question, { turn, behind: 0 });
    expect(question().value).toBe('asked ano');
  });
});
