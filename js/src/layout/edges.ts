// Lines between queries and keys, and which one the pointer is on. Pure: no DOM, no drawing.

/** Lines in one array each, weakest first. */
export interface Edges {
  count: number;
  query: Int32Array;
  key: Int32Array;
  /** How strongly each is drawn, 0 to 1. */
  strength: Float32Array;
  /** Whether its number is below 0: 1, else 0. */
  negative: Uint8Array;
  /** Number of the head among those shown. */
  head: Uint16Array;
  /** Lines above the threshold that were left out, the weakest. */
  dropped: number;
}

/** The lines between the focused queries and keys; null stands for all of a side. */
export function focusEdges(edges: Edges, queries: readonly number[] | null, keys: readonly number[] | null): Edges {
  const wantedQueries = queries && new Set(queries);
  const wantedKeys = keys && new Set(keys);
  const kept: number[] = [];
  for (let at = 0; at < edges.count; at++) {
    if (wantedQueries && !wantedQueries.has(edges.query[at]!)) continue;
    if (wantedKeys && !wantedKeys.has(edges.key[at]!)) continue;
    kept.push(at);
  }
  return {
    count: kept.length,
    query: Int32Array.from(kept, (at) => edges.query[at]!),
    key: Int32Array.from(kept, (at) => edges.key[at]!),
    strength: Float32Array.from(kept, (at) => edges.strength[at]!),
    negative: Uint8Array.from(kept, (at) => edges.negative[at]!),
    head: Uint16Array.from(kept, (at) => edges.head[at]!),
    dropped: 0,
  };
}

/**
 * How far down from its left end a line is, as a part of its whole fall, at the part `x` of its width.
 *
 * A line is the cubic Bézier curve with both handles at half its width, level with its ends: there
 * x(t) = 1.5 t − 1.5 t² + t³ and y(t) = 3 t² − 2 t³. The same for every line, so one solution serves them all.
 */
export function fall(x: number): number {
  let low = 0;
  let high = 1;
  for (let step = 0; step < 30; step++) {
    const t = (low + high) / 2;
    if (t * (1.5 - 1.5 * t + t * t) < x) low = t;
    else high = t;
  }
  return low * low * (3 - 2 * low);
}

const REACH = 5; // px around the pointer

/**
 * The line under the pointer, the strongest among the near ones; -1 if none.
 *
 * @param x part of the lines' width, 0 at the queries
 * @param y in px, as `row(index)` gives the middle of a row
 */
export function edgeAt(edges: Edges, x: number, y: number, row: (index: number) => number): number {
  const fallen = fall(x);
  let best = -1;
  let nearest = REACH;
  for (let at = edges.count - 1; at >= 0; at--) {
    const from = row(edges.query[at]!);
    const to = row(edges.key[at]!);
    const distance = Math.abs(from + (to - from) * fallen - y);
    if (distance < nearest - 1) {
      nearest = distance;
      best = at;
    }
  }
  return best;
}
