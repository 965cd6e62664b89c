/**
 * The API key: for as long as the tab lives, or for good where the user says so.
 */

const NAME = 'llamaswap.key';

function storages(): Storage[] {
  try {
    return [sessionStorage, localStorage];
  } catch {
    // A browser that keeps nothing for anybody.
    return [];
  }
}

let unkept: string | null = null;

/** The key, or null where none was given. */
export function getKey(): string | null {
  for (const storage of storages()) {
    const key = storage.getItem(NAME);
    if (key) return key;
  }
  return unkept;
}

/**
 * Take a key from now on.
 *
 * @param key null to forget it.
 * @param remember keep it when the tab is closed.
 */
export function setKey(key: string | null, remember = false): void {
  const [session, local] = storages();
  session?.removeItem(NAME);
  local?.removeItem(NAME);
  unkept = null;
  if (!key) return;
  const storage = remember ? local : session;
  try {
    if (storage) storage.setItem(NAME, key);
    else unkept = key;
  } catch {
    // Full: it holds until the page is left.
    unkept = key;
  }
}
