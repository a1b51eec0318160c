// Which lines there are above a threshold, without looking at all numbers again for each. Pure.

import type { Edges } from "./edges";
import { hasSigns, type Scale, strengthOf, WEIGHTS } from "./scale";
import type { Span, Tile } from "./tile";

export const EDGES_MAX = 20_000; // more is a grey cloud, and slow to stroke

/** A scene's lines, looked through once: what a threshold then leaves is a search, and nothing is sorted again. */
export interface EdgeIndex {
  /** The strongest of all, weakest first. */
  strongest: Edges;
  /** How many pairs are of at least this strength, be they among the strongest or not. */
  count(threshold: number): number;
}

/** The sizes of a tile's numbers, where no tile before holds them, as integers of the same order. */
interface Part {
  bits: Uint32Array;
  tile: Tile;
  head: number;
}

/** All sizes above zero in bins by their upper bits; of each bin the lower bits, in no order. */
interface Bins {
  /** Where each bin begins among the lower bits, and at last their end. */
  start: Uint32Array;
  lower: Uint16Array;
}

const LOW = 14; // lower bits: they tell apart what falls into one bin
const MASK = (1 << LOW) - 1;
const BINS = 1 << (31 - LOW);
const INFINITE = 0x7f80_0000; // as bits; above are NaN, and what has a sign

/**
 * Find the strongest lines of a scene. Sizes in single precision have the order of their bits: counted in
 * bins they need no sorting to give the weakest that is kept, nor to count those above a threshold.
 *
 * @param tiles for each head its tiles; where two overlap, the first one counts
 */
export function indexEdges(tiles: Tile[][], scale: Scale = WEIGHTS, max = EDGES_MAX): EdgeIndex {
  const parts = tiles.flatMap((ofHead, head) =>
    ofHead.map((tile, nth) => partOf(tile, ofHead.slice(0, nth), head, scale)),
  );
  const bins = binned(parts);
  const least = bitsOfRank(bins, max);
  // Of equal sizes the last ones are kept, as if all were sorted.
  let surplus = countFrom(bins, least) - max;
  const [query, key, value, head]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (const { bits, tile, head: number } of parts) {
    const width = tile.keys[1] - tile.keys[0];
    for (let at = 0; at < bits.length; at++) {
      const one = bits[at] as number;
      if (one < least || one >= INFINITE) continue;
      if (one === least && surplus > 0) {
        surplus -= 1;
        continue;
      }
      query.push(tile.queries[0] + Math.floor(at / width));
      key.push(tile.keys[0] + (at % width));
      value.push(tile.values[at] as number);
      head.push(tile.strongest?.[at] ?? number);
    }
  }
  const order = Uint32Array.from(value.keys()).sort((a, b) => Math.abs(value[a]!) - Math.abs(value[b]!));
  return {
    strongest: {
      count: order.length,
      query: Int32Array.from(order, (at) => query[at]!),
      key: Int32Array.from(order, (at) => key[at]!),
      strength: Float32Array.from(order, (at) => strengthOf(scale, value[at]!)),
      negative: Uint8Array.from(order, (at) => (value[at]! < 0 ? 1 : 0)),
      head: Uint16Array.from(order, (at) => head[at]!),
      dropped: 0,
    },
    count: (threshold) => countFrom(bins, bitsFrom(threshold * scale.limit)),
  };
}

function binned(parts: Part[]): Bins {
  const counts = new Uint32Array(BINS + 1);
  for (const { bits } of parts) {
    for (let at = 0; at < bits.length; at++) {
      const one = bits[at] as number;
      if (one > 0 && one < INFINITE) counts[one >>> LOW]! += 1;
    }
  }
  const start = new Uint32Array(BINS + 1);
  for (let bin = 0; bin < BINS; bin++) start[bin + 1] = start[bin]! + counts[bin]!;
  const lower = new Uint16Array(start[BINS] as number);
  const next = start.slice();
  for (const { bits } of parts) {
    for (let at = 0; at < bits.length; at++) {
      const one = bits[at] as number;
      if (one > 0 && one < INFINITE) lower[next[one >>> LOW]!++] = one & MASK;
    }
  }
  return { start, lower };
}

/** The bits of the size that is the `rank`th from the top; with fewer of them, of the smallest that there may be. */
function bitsOfRank({ start, lower }: Bins, rank: number): number {
  const left = lower.length - rank; // so many are weaker
  if (left < 0) return 1;
  let [bin, stop] = [0, BINS];
  while (bin + 1 < stop) {
    const middle = (bin + stop) >> 1;
    if ((start[middle] as number) <= left) bin = middle;
    else stop = middle;
  }
  const sorted = lower.slice(start[bin], start[bin + 1]).sort();
  return bin * (1 << LOW) + (sorted[left - (start[bin] as number)] as number);
}

function countFrom({ start, lower }: Bins, least: number): number {
  const bin = least >>> LOW;
  if (bin >= BINS) return 0;
  let count = lower.length - (start[bin + 1] as number);
  for (let at = start[bin] as number; at < (start[bin + 1] as number); at++) {
    if ((lower[at] as number) >= (least & MASK)) count += 1;
  }
  return count;
}

const scratch = new DataView(new ArrayBuffer(4));

/** The bits of the smallest size that is no less than the threshold, and more than zero. */
function bitsFrom(threshold: number): number {
  if (!(threshold > 0)) return 1;
  scratch.setFloat32(0, threshold);
  const below = scratch.getFloat32(0) < threshold ? 1 : 0; // rounded down: the next one
  return Math.max(1, scratch.getUint32(0) + below);
}

function partOf(tile: Tile, before: Tile[], head: number, scale: Scale): Part {
  const { buffer, byteOffset, length } = tile.values;
  const raw = new Uint32Array(buffer, byteOffset, length);
  // The sign is the uppermost bit. Where nothing is below 0 but −∞, what is forbidden, it may stay: it is above all.
  const bits = hasSigns(scale) ? raw.map((one) => one & 0x7fff_ffff) : raw;
  const over = before.filter(({ queries, keys }) => meet(queries, tile.queries) && meet(keys, tile.keys));
  if (over.length === 0) return { bits, tile, head };
  const own = bits.slice();
  const width = tile.keys[1] - tile.keys[0];
  for (const { queries, keys } of over) {
    const [start, stop] = [Math.max(keys[0], tile.keys[0]), Math.min(keys[1], tile.keys[1])];
    for (let q = Math.max(queries[0], tile.queries[0]); q < Math.min(queries[1], tile.queries[1]); q++) {
      const row = (q - tile.queries[0]) * width - tile.keys[0];
      own.fill(0, row + start, row + stop);
    }
  }
  return { bits: own, tile, head };
}

const meet = (one: Span, other: Span): boolean => one[0] < other[1] && other[0] < one[1];

/** The lines of at least the strength `threshold`. */
export function edgesFrom({ strongest, count }: EdgeIndex, threshold: number): Edges {
  const from = firstFrom(strongest.strength, threshold);
  const left = strongest.count - from;
  return {
    count: left,
    query: strongest.query.subarray(from),
    key: strongest.key.subarray(from),
    strength: strongest.strength.subarray(from),
    negative: strongest.negative.subarray(from),
    head: strongest.head.subarray(from),
    // Where the weakest line at hand is below the threshold, none above it is missing.
    dropped: from > 0 ? 0 : count(threshold) - left,
  };
}

/** Where in ascending strengths those of at least `threshold` begin. */
function firstFrom(strengths: Float32Array, threshold: number): number {
  let [low, high] = [0, strengths.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((strengths[middle] as number) >= threshold) high = middle;
    else low = middle + 1;
  }
  return low;
}
