/**
 * The profiles, and which of them is active.
 */

import { activateProfile, getProfiles } from '../api/endpoints';
import type { Profile } from '../api/types';

class Profiles {
  #list = $state.raw<Profile[]>([]);
  #active = $state<string | null>(null);

  get all(): Profile[] {
    return this.#list;
  }

  get active(): string | null {
    return this.#active;
  }

  async refresh(): Promise<void> {
    const { active, profiles } = await getProfiles();
    this.#list = profiles;
    this.#active = active;
  }

  /** @param name null for none. */
  async activate(name: string | null): Promise<void> {
    await activateProfile(name);
    this.#active = name;
  }

  changed(active: string | null): void {
    this.#active = active;
  }
}

export const profiles = new Profiles();
