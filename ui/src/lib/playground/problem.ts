/**
 * What went wrong, in words.
 */

import { ApiError, messageOf } from '../api/client';
import type { Failure } from '../api/types';
import { stripAnsi } from '../text/ansi';
import type { Problem } from './types';

const TITLES: Record<number, string> = {
  0: 'The server cannot be reached',
  400: 'The request was refused',
  401: 'The key was not accepted',
  403: 'This is not allowed',
  404: 'There is no such model',
  405: 'This cannot be done there',
  409: 'The model is not ready',
  413: 'This is too large',
  422: 'The request was refused',
  429: 'Too many requests for this model',
  500: 'The model failed',
  501: 'The model cannot do this',
  502: 'The model failed',
  503: 'The model is not available',
  504: 'The model did not answer in time',
};

/** How much of a model's last lines is kept with an answer, in characters. */
const LONGEST_LOG = 8000;

function titleOf(error: unknown): [title: string, status: number] {
  if (!(error instanceof ApiError)) return ['This did not work', 0];
  const { status, code } = error;
  if (code === 'broken_off') return ['The answer broke off', 0];
  // The server's own, or the model's: which does not know the path.
  if (status === 404 && code && !/^(model_)?not_found$/.test(code)) {
    return ['This was not found', status];
  }
  const known = TITLES[status];
  return [known ?? (status < 500 ? 'The request was refused' : 'The model failed'), status];
}

/** With these words the daemon goes on to a model's output. */
const OUTPUT = /;? its last output:\n/;

/**
 * @param error whatever was thrown.
 * @param failure why the model's last start came to nothing, where it did.
 */
export function problemOf(error: unknown, failure: Failure | null = null): Problem {
  const [title, status] = titleOf(error);
  const [said = '', ...output] = messageOf(error).split(OUTPUT);
  const message = said.split('\n').map(stripAnsi).join('\n');
  const log = status >= 500 ? (failure?.log ?? '') || output.join('\n') : '';
  return {
    title,
    message: message === title ? '' : message,
    status,
    code: error instanceof ApiError ? error.code : '',
    retryAfter: error instanceof ApiError ? error.retryAfter : null,
    log: log.slice(-LONGEST_LOG),
  };
}
