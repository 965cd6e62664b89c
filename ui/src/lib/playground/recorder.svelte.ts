/**
 * The microphone.
 */

import { asWav } from './wav';

/** Why there is none, or empty. */
export function whyNoMicrophone(): string {
  if (!isSecureContext) return 'Browsers give the microphone to pages over HTTPS only';
  // The types know no browser without it.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (!devices || typeof MediaRecorder === 'undefined') return 'This browser cannot record';
  return '';
}

/** By the name of what the browser throws. */
const REFUSALS: Record<string, string> = {
  NotAllowedError: 'The browser was not allowed to record',
  NotFoundError: 'There is no microphone',
};

export class Recorder {
  #since = $state<number | null>(null);
  #recorder: MediaRecorder | null = null;

  /** When it began, in milliseconds since the epoch; null while it does not record. */
  get since(): number | null {
    return this.#since;
  }

  /**
   * Record until `stop`.
   *
   * @returns a WAV file.
   * @throws Error with a message for the user.
   */
  async record(): Promise<File> {
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch (e) {
      const name = e instanceof DOMException ? e.name : '';
      const known = REFUSALS[name];
      if (known) throw new Error(known, { cause: e });
      throw e;
    }
    try {
      const recorder = (this.#recorder = new MediaRecorder(stream));
      const chunks: Blob[] = [];
      const over = new Promise<void>((resolve) => {
        recorder.ondataavailable = ({ data }) => chunks.push(data);
        recorder.onstop = () => resolve();
      });
      recorder.start();
      this.#since = Date.now();
      await over;
      const wav = await asWav(new Blob(chunks, { type: recorder.mimeType }));
      return new File([wav], 'recording.wav', { type: 'audio/wav' });
    } finally {
      this.#since = null;
      this.#recorder = null;
      for (const track of stream.getTracks()) track.stop();
    }
  }

  stop(): void {
    if (this.#recorder?.state === 'recording') this.#recorder.stop();
  }
}
