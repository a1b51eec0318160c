// The figures as the kernel draws them: what it hands over is JSON, its arrays in base64.

import { categoriesOf, openScores } from "../layout/categories";
import type { Cells } from "../layout/cells";
import { profileOf } from "../layout/profile";
import { giveScene, look } from "../layout/scene";
import { readRows } from "../layout/strongest";
import type { Tile } from "../layout/tile";
import { sidesOf } from "../layout/units";
import { decodeArray } from "../wire/decode";
import type { Breakdown, Categories, Effects, Envelope, Outline, Pictures, Selection } from "../wire/schema";
import { figureOf, type Given, type Options } from ".";

/** As `export/figure.py` writes it. */
interface Handed {
  outline: Outline;
  selection: Selection;
  options: Options;
  categories: Categories | null;
  pictures: Pictures | null;
  breakdown: Breakdown | null;
  effects: Effects | null;
  /** (heads, queries, keys); null where they are too many. */
  tiles: Envelope | null;
  found: ({ side: "query" | "key"; asked: number[]; rows: number[] } & Envelope) | null;
  cells: ({ level: number; step: number } & Envelope) | null;
  profile: ({ side: "query" | "key"; of: number[] } & Envelope) | null;
}

declare const encodePng: (pixels: string, width: number, height: number) => string;

type Base64 = { fromBase64(text: string): Uint8Array };
type ToBase64 = { toBase64(): string };

/** Make bytes of all arrays, however deep. */
function open(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(open);
  if (typeof value !== "object" || value === null) return value;
  const isArray = "dtype" in value && "data" in value && typeof value.data === "string";
  if (isArray) return { ...value, data: (Uint8Array as unknown as Base64).fromBase64(value.data as string) };
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, open(one)]));
}

function givenOf(handed: Handed): Given {
  const { outline, selection, tiles, found, profile, cells, categories, pictures, breakdown, effects } = handed;
  const { heads, words, measure } = selection;
  const units = sidesOf(outline, words);
  const [n, m] = [units.query.labels.length, units.key.labels.length];
  const values = tiles ? decodeArray(tiles as Envelope & { dtype: "float32" }).values : null;
  const given = heads.map((head, at): Tile[] =>
    values ? [{ head, queries: [0, n], keys: [0, m], values: values.subarray(at * n * m, (at + 1) * n * m) }] : [],
  );
  const about = { name: "", outline, units, heads, isWhole: values !== null, given };
  const info = outline.measures.find(({ name }) => name === measure);
  const scene = look(giveScene(about, info), { self: false, first: false }, "mean");
  const numbers = profile && decodeArray(profile as Envelope & { dtype: "float32" });
  const width = numbers?.shape[1] ?? 0;
  return {
    ...{ outline, selection, scene, pictures, breakdown, effects },
    categories: categories && categoriesOf(categories, openScores(categories)),
    found: found && { side: found.side, rows: readRows({ ...found }, found.data as ArrayBufferView, found.asked) },
    cells: cells && { tiles: [openCells(cells)], kind: "maximum", isLog: false },
    profile:
      profile && numbers
        ? profileOf(
            scene,
            "",
            profile.side,
            profile.of,
            Array.from({ length: numbers.shape[0] ?? 0 }, (_, row) =>
              numbers.values.subarray(row * width, (row + 1) * width),
            ),
          )
        : null,
  };
}

function openCells(cells: { level: number; step: number } & Envelope): Cells {
  const { shape, values } = decodeArray(cells as Envelope & { dtype: "float32" });
  const [, rows = 0, columns = 0] = shape;
  const [largest, mass] = [values.subarray(0, rows * columns), values.subarray(rows * columns)];
  return { level: cells.level, row: 0, column: 0, rows, columns, largest, mass, step: cells.step, seconds: 0 };
}

/** @returns an SVG file */
export function figure(json: string): string {
  const handed = open(JSON.parse(json)) as Handed;
  const png = (pixels: Uint8ClampedArray, width: number, height: number) =>
    encodePng((new Uint8Array(pixels.buffer) as unknown as ToBase64).toBase64(), width, height);
  // Joined anew: the bridge to Python takes no text that was put together by `+`.
  return [...figureOf(givenOf(handed), handed.options, png)].join("");
}
