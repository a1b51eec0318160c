// The strongest lines of each row: of a short text here, of a long one by the kernel's same rule (wire/lines.py). Pure.

import { decodeArray } from "../wire/decode";
import { addsUp, rankOf, type Scale } from "./scale";
import { isForbidden, type Tile, valueAt } from "./tile";
import type { Side } from "./units";

/** Which lines of a row are drawn: so many of each head at most, and none below `least`. */
export interface Rule {
  count: number;
  least: number;
}

/** A row's lines, of all heads drawn: of a query with the keys that it looks at, or of a key with its queries. */
export interface Row {
  /** On the other side. */
  units: Int32Array;
  /** Of which head shown. */
  heads: Uint16Array;
  values: Float32Array;
  /** Of its lines, and of all that it has; NaN where some are no numbers. */
  shown: number;
  total: number;
  /** How many units it may see. */
  visible: number;
  /** How many of its lines were too many. */
  more: number;
}

/**
 * Find the lines of one row.
 *
 * @param drawn for each head its tiles, the whole row among them
 * @param across how many units there are on the other side
 */
export function strongestOf(
  drawn: Tile[][],
  side: Side,
  row: number,
  across: number,
  { count, least }: Rule,
  scale: Pick<Scale, "domain">,
): Row {
  const found: { unit: number; head: number; value: number }[] = [];
  let [shown, total, visible, more] = [0, 0, 0, 0];
  drawn.forEach((tiles, head) => {
    let seen = 0;
    const fit: { unit: number; head: number; value: number }[] = [];
    for (let unit = 0; unit < across; unit++) {
      const [query, key] = side === "query" ? [row, unit] : [unit, row];
      const value = valueAt(tiles, query, key);
      if (isForbidden(value)) continue;
      seen += 1;
      total += value;
      const rank = rankOf(scale, value);
      if (Number.isNaN(value) || (addsUp(scale) && !(rank > 0 && rank >= least))) continue;
      fit.push({ unit, head: strongestAt(tiles, query, key) ?? head, value });
    }
    visible = Math.max(visible, seen);
    more += Math.max(0, fit.length - count);
    const kept = fit.sort((a, b) => rankOf(scale, b.value) - rankOf(scale, a.value) || a.unit - b.unit).slice(0, count);
    for (const { value } of kept) shown += value;
    found.push(...kept.sort((a, b) => a.unit - b.unit));
  });
  return {
    units: Int32Array.from(found, ({ unit }) => unit),
    heads: Uint16Array.from(found, ({ head }) => head),
    values: Float32Array.from(found, ({ value }) => value),
    ...{ shown, total, visible, more },
  };
}

/** Of many heads as one: the strongest at a place. */
function strongestAt(tiles: Tile[], query: number, key: number): number | undefined {
  for (const { queries, keys, strongest } of tiles) {
    if (query < queries[0] || query >= queries[1] || key < keys[0] || key >= keys[1]) continue;
    return strongest?.[(query - queries[0]) * (keys[1] - keys[0]) + key - keys[0]];
  }
  return undefined;
}

/** Read rows as the kernel writes them (`LinesReply`). */
export function readRows(
  ok: Record<string, unknown>,
  data: ArrayBufferView,
  asked: readonly number[],
): Map<number, Row> {
  const lines = (ok.shape as number[])[1] ?? 0;
  const count = (ok.rows as number[])[1] ?? 0;
  const { values } = decodeArray({ dtype: "float32", shape: [4 * (lines + count)], data });
  const [row, unit, head, value] = [0, 1, 2, 3].map((nth) => values.subarray(nth * lines, (nth + 1) * lines)) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const members = new Map<number, number[]>();
  row.forEach((one, at) => {
    const own = members.get(one);
    if (own) own.push(at);
    else members.set(one, [at]);
  });
  const sums = values.subarray(4 * lines);
  const of = (nth: number, at: number) => sums[nth * count + at] ?? Number.NaN;
  const order = [...asked].sort((a, b) => a - b); // as in the spans
  return new Map(
    order.map((one, at) => {
      const own = members.get(one) ?? [];
      return [
        one,
        {
          units: Int32Array.from(own, (nth) => unit[nth] as number),
          heads: Uint16Array.from(own, (nth) => head[nth] as number),
          values: Float32Array.from(own, (nth) => value[nth] as number),
          ...{ shown: of(0, at), total: of(1, at), visible: of(2, at), more: of(3, at) },
        },
      ];
    }),
  );
}
