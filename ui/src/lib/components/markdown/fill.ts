/**
 * What is in a block of Markdown: the sanitised HTML, its code with a head and a button to
 * copy, its formulas set, its tables in a box that scrolls.
 */

import { mount, unmount } from 'svelte';

import { highlight } from '../../text/highlight';
import { setHtml } from '../../text/html';
import { CLASSES } from '../../text/markdown';
import { formula } from '../../text/math';
import CopyButton from '../CopyButton.svelte';

/**
 * Fill an element.
 *
 * @param html untrusted.
 * @param settled whether the block is whole.
 * @returns how to take away what was put in beside the HTML.
 */
export function fillBlock(element: Element, html: string, settled: boolean): () => void {
  setHtml(element, html, CLASSES);
  const buttons: object[] = [];
  for (const pre of element.querySelectorAll('pre')) {
    const button = frameCode(pre, settled);
    if (button) buttons.push(button);
  }
  for (const table of element.querySelectorAll('table')) frameTable(table);
  if (settled) void setFormulas(element);
  return () => {
    for (const button of buttons) void unmount(button);
  };
}

function frameCode(pre: HTMLElement, settled: boolean): object | null {
  const code = pre.querySelector('code') ?? pre;
  const named = [...code.classList].find((name) => name.startsWith('language-'));
  const language = named?.slice('language-'.length) ?? '';
  const frame = div('code');
  const head = div('code-head');
  const label = document.createElement('span');
  label.textContent = language || 'text';
  head.append(label);
  pre.replaceWith(frame);
  frame.append(head, pre);
  // It scrolls, so it must be reached by the keyboard.
  pre.tabIndex = 0;
  pre.setAttribute('role', 'group');
  pre.setAttribute('aria-label', language ? `Code in ${language}` : 'Code');
  if (!settled) return null;
  if (language) void highlight(code, language).catch(() => undefined);
  const text = () => code.textContent.replace(/\n$/, '');
  const target = div('');
  head.append(target);
  return mount(CopyButton, { target, props: { text, label: 'Copy the code' } });
}

function frameTable(table: HTMLElement): void {
  const frame = div('scroll');
  frame.tabIndex = 0;
  frame.setAttribute('role', 'group');
  frame.setAttribute('aria-label', 'Table');
  table.replaceWith(frame);
  frame.append(table);
}

async function setFormulas(element: Element): Promise<void> {
  for (const code of element.querySelectorAll('.math-inline, .math-display')) {
    const display = code.classList.contains('math-display');
    const set = await formula(code.textContent, display).catch(() => null);
    if (!set || !code.isConnected) continue;
    const frame = document.createElement('span');
    frame.className = display ? 'math display' : 'math';
    if (display) {
      frame.tabIndex = 0;
      frame.setAttribute('role', 'group');
      frame.setAttribute('aria-label', 'Formula');
    }
    frame.append(set);
    code.replaceWith(frame);
  }
}

function div(className: string): HTMLElement {
  const element = document.createElement('div');
  if (className) element.className = className;
  return element;
}
