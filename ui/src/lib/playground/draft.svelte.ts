/**
 * A text that is being written: there again when its view is, after the page was loaded anew
 * too. Each tab has its own.
 */

const PREFIX = 'llamaswap.draft.';

export class Draft {
  #text = $state('');
  readonly #name: string;

  /**
   * @param name in sessionStorage, after our prefix.
   * @param fallback where nothing was written yet.
   */
  constructor(name: string, fallback = '') {
    this.#name = PREFIX + name;
    this.#text = this.#read() ?? fallback;
  }

  get text(): string {
    return this.#text;
  }

  set text(text: string) {
    this.#text = text;
    try {
      sessionStorage.setItem(this.#name, text);
    } catch {
      // Full, or forbidden: it is there until the page is loaded anew.
    }
  }

  /** It is written no longer. */
  forget(): void {
    try {
      sessionStorage.removeItem(this.#name);
    } catch {
      // Then it was never kept.
    }
  }

  #read(): string | null {
    try {
      return sessionStorage.getItem(this.#name);
    } catch {
      return null;
    }
  }
}
