/**
 * Which row of a table shows what: one that stays keeps its place, so that focus and
 * selection stay with it, and one that comes takes the place of one that goes. So a page
 * that is sorted or turned changes texts and makes no elements anew.
 */

/** Something shown, and a key for what shows it. */
export interface Place<T> {
  key: number;
  row: T;
}

/**
 * @returns a function that takes what is to be shown, in its order and no two with the same
 *   id, and gives each its place, by what was shown the last time.
 */
export function placing<T extends { id: number }>(): (rows: readonly T[]) => Place<T>[] {
  let shown: Place<T>[] = [];
  return (rows) => {
    const ids = new Set(rows.map(({ id }) => id));
    const kept = new Map<number, number>();
    const free: number[] = [];
    let next = 0;
    for (const { key, row } of shown) {
      next = Math.max(next, key + 1);
      if (ids.has(row.id)) kept.set(row.id, key);
      else free.push(key);
    }
    // The first that comes takes the first that is free: where all are others, none moves.
    free.reverse();
    shown = rows.map((row) => ({ key: kept.get(row.id) ?? free.pop() ?? next++, row }));
    return shown;
  };
}
