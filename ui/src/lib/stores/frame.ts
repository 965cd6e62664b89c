/**
 * Changes that come faster than a screen can show them, put together.
 */

/** A hidden tab draws no frames: it catches up so often, in milliseconds. */
const HIDDEN = 500;

/**
 * @returns a function that has `run` called once, with the next frame, however often it is
 *   called before that.
 */
export function perFrame(run: () => void): () => void {
  let due = false;
  return () => {
    if (due) return;
    due = true;
    let frame = 0;
    const call = () => {
      clearTimeout(timer);
      cancelAnimationFrame(frame);
      due = false;
      run();
    };
    // Also where it is hidden only now, with the frame on its way.
    const timer = setTimeout(call, HIDDEN);
    if (!document.hidden) frame = requestAnimationFrame(call);
  };
}

/**
 * @returns a function that has `run` called at once, but no more often than every
 *   `interval` milliseconds; a call that came too early is made up for.
 */
export function throttled(run: () => void, interval: number): () => void {
  let last = -Infinity;
  let timer: ReturnType<typeof setTimeout> | null = null;
  return () => {
    if (timer !== null) return;
    // A clock that was set back would have it wait for as long as that.
    const wait = Math.min(interval, last + interval - Date.now());
    const call = () => {
      timer = null;
      last = Date.now();
      run();
    };
    if (wait <= 0) call();
    else timer = setTimeout(call, wait);
  };
}
