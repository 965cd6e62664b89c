/**
 * A log that is followed, over connections that come back by themselves.
 */

import { ApiError, isAbort } from '../api/client';
import { followLog } from '../api/endpoints';
import { backoff } from '../api/events';
import { time } from '../format';

export interface LogListener {
  text(text: string): void;
  /** A connection is made; not the first one where `again`. */
  opened(again: boolean): void;
  lost(): void;
}

/** A line of ours between what two connections brought. */
export function seam(now = new Date()): string {
  return `— connected again at ${time(now.toISOString(), now)}; what the log holds follows —\n`;
}

/**
 * Follow until the signal says to stop.
 *
 * @param name as of `followLog`.
 * @throws ApiError where the daemon does not know the log, or lets us not read it.
 */
export async function keepFollowing(
  name: string,
  listener: LogListener,
  signal: AbortSignal,
  follow: typeof followLog = followLog,
): Promise<void> {
  let failures = 0;
  for (let again = false; ; again = true) {
    let heard = false;
    try {
      for await (const text of follow(name, true, signal)) {
        if (!heard) {
          heard = true;
          failures = 0;
          listener.opened(again);
        }
        listener.text(text);
      }
    } catch (e) {
      if (isAbort(e) || signal.aborted) return;
      if (e instanceof ApiError && e.status >= 400 && e.status < 500) throw e;
    }
    if (signal.aborted) return;
    listener.lost();
    await pause(backoff(failures++), signal);
    if (signal.aborted) return;
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}
