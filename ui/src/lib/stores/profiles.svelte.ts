/**
 * The profiles, and which of them is active.
 */

import { activateProfile, getProfiles } from '../api/endpoints';
import type { Profile } from '../api/types';

class Profiles {
  #list = $state.raw<Profile[]>([]);
  #active = $state<string | null>(null);
  /** Counts what is newer than an answer that was asked for before it. */
  #asked = 0;
  #switched = 0;

  get all(): Profile[] {
    return this.#list;
  }

  get active(): string | null {
    return this.#active;
  }

  async refresh(): Promise<void> {
    const asked = ++this.#asked;
    const switched = this.#switched;
    const { active, profiles } = await getProfiles();
    if (asked !== this.#asked) return;
    this.#list = profiles;
    // An event can overtake the answer: it is what holds.
    if (switched === this.#switched) this.#active = active;
  }

  /** @param name null for none. */
  async activate(name: string | null): Promise<void> {
    const switched = this.#switched;
    await activateProfile(name);
    // An event can overtake this answer too, and tell of a later switch.
    if (switched === this.#switched) this.changed(name);
  }

  changed(active: string | null): void {
    this.#switched++;
    this.#active = active;
  }
}

export const profiles = new Profiles();
