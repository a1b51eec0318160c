// Lines between queries and keys, and which one the pointer is on. Pure: no DOM, no drawing.

import { asideOf, bendOf, type Strands } from "./strands";

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

/** Lines that go on beyond what is in sight on a side. */
export interface Away {
  above: number;
  below: number;
}

/** How many lines go on above and below on either side, and how many end in a gap on the right or left. */
export function linesAway(
  edges: Edges,
  { height, query, key }: Curves,
): Record<"query" | "key", Away> & { gaps: number } {
  const found = { query: { above: 0, below: 0 }, key: { above: 0, below: 0 }, gaps: 0 };
  for (let at = 0; at < edges.count; at++) {
    const [left, right] = [query(edges.query[at]!), key(edges.key[at]!)];
    const [ofQuery, ofKey] = [awayAt(left, height), awayAt(right, height)];
    if (Number.isNaN(left + right)) found.gaps += 1;
    else if (ofQuery === 0 && ofKey !== 0) found.key[ofKey < 0 ? "above" : "below"] += 1;
    else if (ofKey === 0 && ofQuery !== 0) found.query[ofQuery < 0 ? "above" : "below"] += 1;
  }
  return found;
}

/** The lines between the focused queries and keys; null stands for all of a side. */
export function focusEdges(edges: Edges, queries: readonly number[] | null, keys: readonly number[] | null): Edges {
  const wantedQueries = queries && new Set(queries);
  const wantedKeys = keys && new Set(keys);
  return edgesWhere(
    edges,
    (query, key) => (!wantedQueries || wantedQueries.has(query)) && (!wantedKeys || wantedKeys.has(key)),
  );
}

/** The lines between the queries and keys that belong together. */
export function edgesWhere(edges: Edges, isMeant: (query: number, key: number) => boolean): Edges {
  const kept: number[] = [];
  for (let at = 0; at < edges.count; at++) if (isMeant(edges.query[at]!, edges.key[at]!)) kept.push(at);
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
 * A line is the cubic Bézier curve with both handles at the part `handle` of its width, level with its ends: there
 * x(t) = 3 h t (1 − t) + t³ and y(t) = 3 t² − 2 t³.
 */
export function fall(x: number, handle = 0.5): number {
  let low = 0;
  let high = 1;
  for (let step = 0; step < 30; step++) {
    const t = (low + high) / 2;
    if (t * (3 * handle * (1 - t) + t * t) < x) low = t;
    else high = t;
  }
  return low * low * (3 - 2 * low);
}

const REACH = 5; // px around the pointer

/** What the pointer needs to know of a picture of lines, in px. */
export interface Curves {
  /** From the lines' left end to their right. */
  width: number;
  strands: Strands;
  /** From top to bottom: what is farther up or down is scrolled away. */
  height: number;
  /** Middle of a row; NaN where it is in a gap. */
  query(index: number): number;
  key(index: number): number;
}

const OUT = 4; // px beyond the edge, where a line to what is scrolled away ends

/** Where a line ends: at its row, or just beyond the edge behind which that is. */
export const endAt = (row: number, height: number): number => Math.max(-OUT, Math.min(height + OUT, row));

/** Whether a line's end is scrolled away: −1 above, 1 below. */
export const awayAt = (row: number, height: number): -1 | 0 | 1 => (row < 0 ? -1 : row > height ? 1 : 0);

/**
 * The line under the pointer, the strongest among the near ones; -1 if none. Of lines side by side the nearest.
 *
 * @param x part of the lines' width, 0 at the queries
 * @param y in px, as `query` and `key` give it
 */
export function edgeAt(edges: Edges, x: number, y: number, { width, height, strands, query, key }: Curves): number {
  const straight = fall(x); // the same for every line in the middle of its strands
  const tie = strands.count > 1 ? 0 : 1; // px by which a weaker line has to be nearer
  let best = -1;
  let nearest = REACH;
  for (let at = edges.count - 1; at >= 0; at--) {
    const aside = asideOf(strands, edges.head[at]!);
    const [left, right] = [query(edges.query[at]!), key(edges.key[at]!)];
    if (awayAt(left, height) !== 0 && awayAt(right, height) !== 0) continue;
    const from = endAt(left, height) + aside;
    const drop = endAt(right, height) + aside - from; // NaN for one in a gap, which is near to nothing
    if (y < Math.min(from, from + drop) - REACH || y > Math.max(from, from + drop) + REACH) continue;
    const fallen = aside === 0 ? straight : fall(x, 0.5 + bendOf(aside, width, drop) / width);
    const distance = Math.abs(from + drop * fallen - y);
    if (distance < nearest - tie) {
      nearest = distance;
      best = at;
    }
  }
  return best;
}
