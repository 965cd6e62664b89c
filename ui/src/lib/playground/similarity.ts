/**
 * How near vectors are to each other.
 */

export function norm(vector: readonly number[]): number {
  return Math.hypot(...chunksOf(vector));
}

/** `Math.hypot` takes so many arguments at most on some engines: the norms of parts. */
function chunksOf(vector: readonly number[]): number[] {
  const norms: number[] = [];
  for (let i = 0; i < vector.length; i += 1024) {
    norms.push(Math.hypot(...vector.slice(i, i + 1024)));
  }
  return norms;
}

/** From -1 to 1; 0 where one of them is nothing, NaN where they are not of one length. */
export function cosine(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return NaN;
  const length = norm(a) * norm(b);
  if (length === 0) return 0;
  const dot = a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
  return Math.max(-1, Math.min(1, dot / length));
}

/** Each to each. */
export function cosines(vectors: readonly (readonly number[])[]): number[][] {
  const matrix: number[][] = vectors.map(() => []);
  for (const [i, a] of vectors.entries()) {
    for (let j = i; j < vectors.length; j++) {
      const value = cosine(a, vectors[j] ?? []);
      (matrix[i] ?? [])[j] = value;
      (matrix[j] ?? [])[i] = value;
    }
  }
  return matrix;
}

export interface Pair {
  a: number;
  b: number;
  value: number;
}

/** The pairs that are the nearest to each other, the nearest first. */
export function nearestPairs(matrix: readonly (readonly number[])[], most: number): Pair[] {
  const pairs: Pair[] = [];
  for (const [a, row] of matrix.entries()) {
    for (let b = a + 1; b < row.length; b++) pairs.push({ a, b, value: row[b] ?? NaN });
  }
  return pairs.sort((one, other) => other.value - one.value).slice(0, most);
}
