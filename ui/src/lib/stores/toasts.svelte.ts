/**
 * Short messages that come up, are read out, and go.
 */

export type ToastKind = 'info' | 'success' | 'error';

export interface Toast {
  id: number;
  kind: ToastKind;
  text: string;
}

/** A failure stays longer: it is read twice. In milliseconds. */
const STAYS: Record<ToastKind, number> = { info: 5000, success: 4000, error: 12_000 };

const MOST = 4;

class Toasts {
  #list = $state.raw<Toast[]>([]);
  #next = 1;

  get all(): Toast[] {
    return this.#list;
  }

  show(text: string, kind: ToastKind = 'info'): void {
    const toast = { id: this.#next++, kind, text };
    const others = this.#list.filter((one) => one.text !== text);
    this.#list = [...others, toast].slice(-MOST);
    setTimeout(() => this.dismiss(toast.id), STAYS[kind]);
  }

  error(error: unknown, doing: string): void {
    const message = error instanceof Error ? error.message : String(error);
    this.show(`${doing}: ${message}`, 'error');
  }

  dismiss(id: number): void {
    this.#list = this.#list.filter((one) => one.id !== id);
  }
}

export const toasts = new Toasts();
