// Weights of tokens → weights of words: the sum over the pieces attended to, the mean over the pieces attending. As
// `maths.merge_words` does it in Python.

import { FORBIDDEN, isForbidden, type Tile } from "./tile";
import type { Sides } from "./units";

/** @param tile all pairs of tokens; `units` has the words that they make up */
export function mergeWords({ head, keys, values }: Tile, { query, key }: Sides): Tile {
  const [rows, columns] = [query.labels.length, key.labels.length];
  const across = keys[1];
  const merged = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    // A piece that may attend to nothing is not attending.
    const pieces = query
      .tokens(row)
      .map((at) => values.subarray(at * across, (at + 1) * across))
      .filter((weights) => !weights.every(isForbidden));
    for (let column = 0; column < columns; column++) {
      const pairs = pieces.flatMap((weights) => key.tokens(column).map((at) => weights[at] as number));
      const seen = pairs.filter((value) => !isForbidden(value));
      const sum = seen.reduce((total, value) => total + value, 0);
      merged[row * columns + column] = seen.length > 0 ? sum / pieces.length : FORBIDDEN;
    }
  }
  return { head, queries: [0, rows], keys: [0, columns], values: merged };
}
