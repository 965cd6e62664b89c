/**
 * What the browser keeps for the user: one value a name, in localStorage.
 */

const PREFIX = 'llamaswap.';

/** A value that outlives the page; other tabs' changes arrive too. */
export class Persisted<T> {
  #value = $state() as T;
  readonly #name: string;

  /**
   * @param name in localStorage, after our prefix.
   * @param fallback where nothing is kept, or what `valid` does not take.
   * @param valid whether what was read is of the type: an older page may have written it.
   */
  constructor(
    name: string,
    private readonly fallback: T,
    private readonly valid: (value: unknown) => boolean = () => true,
  ) {
    this.#name = PREFIX + name;
    this.#value = this.#read();
    addEventListener('storage', (event) => {
      if (event.key === this.#name || event.key === null) this.#value = this.#read();
    });
  }

  get value(): T {
    return this.#value;
  }

  set value(value: T) {
    this.#value = value;
    try {
      localStorage.setItem(this.#name, JSON.stringify(value));
    } catch {
      // Full, or forbidden: it holds until the page is left.
    }
  }

  #read(): T {
    try {
      const text = localStorage.getItem(this.#name);
      if (text === null) return this.fallback;
      const value: unknown = JSON.parse(text);
      return this.valid(value) ? (value as T) : this.fallback;
    } catch {
      return this.fallback;
    }
  }
}
