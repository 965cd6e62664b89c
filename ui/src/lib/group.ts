/** Things by a key, in their order. (`Map.groupBy` is younger than the oldest Node.js we build with.) */
export function groupBy<K, T>(all: Iterable<T>, key: (one: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const one of all) {
    const name = key(one);
    const group = groups.get(name);
    if (group) group.push(one);
    else groups.set(name, [one]);
  }
  return groups;
}
