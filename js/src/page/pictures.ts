// Every head's pattern as a small picture, pooled by maximum; as wire/pictures.py.

import { hasSigns, rankOf } from "../layout/scale";
import { FORBIDDEN, isForbidden } from "../layout/tile";
import type { MeasureInfo, Pictures } from "../wire/schema";
import type { Answer, Asked } from "./answer";
import type { Alive, Book } from "./book";
import { domainOf } from "./merge";
import { spread } from "./rows";

const SIZE = 16; // cells a side
const FINEST = 96;
const WHOLE = 512; // tokens; of a longer text
const [SOME, EACH, LAST] = [64, 4, 4]; // so many queries, so many to a row of a finer picture, and the last ones

export async function headPictures(
  book: Book,
  attention: string,
  ask: Asked<"headPictures">,
  alive: Alive,
): Promise<Answer> {
  const { layers, cells, limit, measure } = ask;
  if (layers.length === 0 || !(cells >= 1 && cells <= FINEST) || !(limit > 0))
    throw new Error(`larger pictures are of some layers, have 1 to ${FINEST} cells a side and a limit above 0`);
  const drawn = await pooled(book, attention, measure, layers, cells, Math.max(SOME, EACH * cells), alive);
  return {
    shape: [layers.length, ...drawn.shape],
    numbers: inked(drawn.values, domainOf(measure), limit),
    more: { sampled: drawn.sampled },
  };
}

/** All heads in small, of a measure. */
export async function pictures(book: Book, attention: string, measure: string, alive: Alive): Promise<Pictures> {
  const { outline, run } = book.attention(attention);
  const domain = domainOf(measure);
  const layers = Array.from({ length: outline.layers }, (_, at) => at);
  const { values, shape, sampled } = await pooled(book, attention, measure, layers, SIZE, SOME, alive);
  const largest = values.reduce((most, value) => Math.max(most, Number.isFinite(value) ? Math.abs(value) : 0), 0);
  const limit = domain === "share" ? 1 : largest || 1;
  const data = inked(values, domain, limit);
  const about = { run, measure, domain, limit, sampled, problem: "" };
  return { ...about, dtype: "uint8", shape: [layers.length, ...shape], data };
}

async function pooled(
  book: Book,
  attention: string,
  measure: string,
  layers: number[],
  size: number,
  some: number,
  alive: Alive,
) {
  const { outline } = book.attention(attention);
  const scale = { domain: domainOf(measure) };
  const [n, m] = book.sides(attention).map((side) => side.tokens.length) as [number, number];
  const rows = n <= WHOLE ? spread(n, n) : spread(n, some, LAST);
  const [high, wide] = [Math.min(n, size), Math.min(m, size)];
  const values = new Float32Array(layers.length * outline.heads * high * wide).fill(FORBIDDEN);
  for (const [nth, number] of layers.entries()) {
    if (!outline.kept.includes(number)) continue;
    const layer = await book.layer(attention, number);
    for (const head of layer.about.heads) {
      const start = (nth * outline.heads + head) * high * wide;
      for (const query of rows) {
        await alive(nth * outline.heads + head, layers.length * outline.heads);
        const row = layer.row(measure, head, query);
        const at = start + Math.floor((query * high) / n) * wide;
        for (let key = 0; key < m; key++) {
          const to = at + Math.floor((key * wide) / m);
          if (!(rankOf(scale, row[key] as number) <= rankOf(scale, values[to] as number)) && !Number.isNaN(values[to]))
            values[to] = row[key] as number;
        }
      }
    }
  }
  return { values, shape: [outline.heads, high, wide], sampled: rows.length === n ? null : rows.length };
}

/** Numbers as shades; see `Pictures`. */
function inked(values: Float32Array, domain: MeasureInfo["domain"], limit: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(values, (value) => {
    if (isForbidden(value)) return 0;
    const share = Number.isFinite(value) ? value / limit : 0;
    return Math.round(1 + 254 * Math.min(1, Math.max(0, hasSigns({ domain }) ? (share + 1) / 2 : share)));
  });
}
