// A tile of the matrix's pyramid, pooled from rows that are seen once and dropped; as wire/cells.py.

import { TILE } from "../layout/cells";
import { addsUp } from "../layout/scale";
import { FORBIDDEN, isForbidden } from "../layout/tile";
import { type Answer, type Asked, asOne } from "./answer";
import type { Alive, Book } from "./book";
import { domainOf } from "./merge";
import { rowsOf } from "./rows";

const SAMPLE = 1 << 23; // pairs × heads that an overview may cost: some tenths of a second

export async function cells(book: Book, attention: string, ask: Asked<"cells">, alive: Alive): Promise<Answer> {
  const began = performance.now();
  const { heads, together, level, measure } = ask;
  if (heads.length === 0 || (heads.length > 1 && !together))
    throw new Error("cells are of one head, or of several that are taken together as their mean or maximum");
  const { n, m, row } = await rowsOf(book, { ...ask, attention }, heads);
  const cell = 2 ** level;
  const [top, left] = [ask.row * TILE * cell, ask.column * TILE * cell];
  if (!(level >= 0 && top >= 0 && top < n && left >= 0 && left < m)) throw new Error("there is no such tile");
  const rows = Math.min(TILE, Math.ceil((n - top) / cell));
  const columns = Math.min(TILE, Math.ceil((m - left) / cell));
  let step = 1;
  while (ask.sampled && step < cell && (Math.min(rows * cell, n - top) * m * heads.length) / step > SAMPLE) step *= 2;
  const adds = addsUp({ domain: domainOf(measure) });
  const pooled = new Float32Array(2 * rows * columns).fill(FORBIDDEN);
  const total = new Float64Array(rows * columns);
  const count = new Float64Array(rows * columns);
  const attending = new Float64Array(rows);
  for (let at = 0; at < rows; at++) {
    for (const unit of chosen(top + at * cell, Math.min(n, top + (at + 1) * cell), step)) {
      await alive(unit - top, rows * cell);
      const each = heads.map((_, nth) => row(nth, unit));
      const numbers =
        each.length > 1 ? asOne(each, heads, [0, 1], [0, m], together ?? "mean", measure).values : each[0];
      if (!numbers) continue;
      if (!numbers.every(isForbidden)) attending[at]! += 1;
      for (let key = left; key < Math.min(m, left + columns * cell); key++) {
        const value = numbers[key] as number;
        if (isForbidden(value)) continue;
        const to = at * columns + Math.floor((key - left) / cell);
        const before = pooled[to] as number;
        const isFarther = isForbidden(before) || Math.abs(value) > Math.abs(before) || Number.isNaN(value);
        if (isFarther && !Number.isNaN(before)) pooled[to] = value;
        total[to]! += value;
        count[to]! += 1;
      }
    }
  }
  for (let to = 0; to < rows * columns; to++) {
    if (isForbidden(pooled[to] as number)) continue;
    const shared = adds ? (attending[Math.floor(to / columns)] as number) : (count[to] as number);
    pooled[rows * columns + to] = (total[to] as number) / Math.max(1, shared);
  }
  return { shape: [2, rows, columns], numbers: pooled, more: { step, seconds: (performance.now() - began) / 1000 } };
}

/** The rows of a cell that are looked at: of every `step` the last; of one that is cut short at least its last. */
function chosen(start: number, stop: number, step: number): number[] {
  const found: number[] = [];
  for (let at = start + step - 1; at < stop; at += step) found.push(at);
  return found.length > 0 ? found : [stop - 1];
}
