// What the matrix view holds in one mounted widget: never synced.

import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { accent, pensFor, signsOf } from "../../draw/colours";
import type { Ink } from "../../draw/heat";
import { coloursOf } from "../../layout/categories";
import {
  type Address,
  type Cells,
  type Kind,
  levelFor,
  meanOverQueries,
  numbersOf,
  placeIn,
  type Range,
  rangeOf,
  strongestIn,
  tilesOver,
  topLevel,
} from "../../layout/cells";
import { type Geometry, geometryOf, inSightOf, type Sight, type Stage } from "../../layout/matrix";
import type { Span, Tile } from "../../layout/tile";
import { takeTogether } from "../../layout/together";
import type { Side } from "../../layout/units";
import type { Context } from "../../parts/context";
import { type CellStore, createCells } from "../../source/cells";
import { UNWANTED } from "../../wire/client";

export interface Pair {
  query: number;
  key: number;
}

/** What the pointer or the keyboard is on: a cell, and of its pairs the one that was pointed at. */
export interface Cursor extends Pair {
  queries: Span;
  keys: Span;
}

/** All that a picture is made of. */
export interface Plan {
  stage: Stage;
  at: Geometry;
  sight: Record<Side, Span>;
  level: number;
  /** What is to be drawn, and what of that is here. */
  wanted: Address[];
  here: Cells[];
  /** What is drawn where finer cells are not here yet, coarsest first. */
  coarser: Cells[];
  range: Range;
  ink: Ink;
  /** Over the queries in sight, of each column of cells; null while cells are missing. */
  means: Float64Array | null;
}

export interface MatrixStore {
  cells: CellStore;
  /** The canvas, in px. */
  size: Signal<{ width: number; height: number }>;
  /** Null: all. */
  sight: Signal<Sight | null>;
  kind: Signal<Kind>;
  isLog: Signal<boolean>;
  cursor: Signal<Cursor | null>;
  /** What was brought into sight last because somebody asked. */
  place: Context["place"]["value"];
  plan: ReadonlySignal<Plan | null>;
  /** The cell around a pair, at the level on screen. */
  cellOf(pair: Pair): Cursor;
  /** The largest number and the mass of a cell; null where it is not here. */
  read(cursor: Cursor): { largest: number; mass: number; step: number } | null;
  /** Of the cell under the cursor the strongest pair; null while that is not known. */
  strongest: ReadonlySignal<(Pair & { of: Cursor; value: number }) | null>;
}

const REST = 80; // ms that the pointer rests on a cell before its strongest pair is looked up
const FEW = 4; // heads of which it is

export function createStore(context: Context): MatrixStore {
  const { scene, theme, categories, source, problem, abort } = context;
  const cells = createCells(context, problem, abort);
  const size = signal({ width: 0, height: 0 });
  const sight = signal<Sight | null>(null);
  const kind = signal<Kind>("maximum");
  const isLog = signal(false);
  const cursor = signal<Cursor | null>(null);
  const strongest = signal<(Pair & { of: Cursor; value: number }) | null>(null);
  let before: Range | null = null;

  const plan = computed((): Plan | null => {
    const now = scene.value;
    const { width, height } = size.value;
    if (!now || width === 0) return null;
    const stage = { width, height, queries: now.units.query.labels.length, keys: now.units.key.labels.length };
    const at = geometryOf(stage, sight.value);
    const inSight = inSightOf(at, stage);
    const top = topLevel(Math.max(stage.queries, stage.keys));
    const level = levelFor(at.zoom, globalThis.devicePixelRatio || 1, top);
    const wanted = tilesOver(level, inSight.query, inSight.key);
    const here = wanted.map(cells.get).filter((one) => one !== null);
    const coarser = new Map<string, Cells>();
    for (const one of wanted) if (!here.some((cell) => isAt(cell, one))) addCoarser(one, top, cells, coarser);
    const below = [...coarser.values()].sort((a, b) => b.level - a.level);
    const seen = here.length > 0 ? here : below;
    const range =
      seen.length > 0 || !before ? rangeOf(seen, inSight.query, inSight.key, kind.value, isLog.value) : before;
    before = range;
    const [pen, ...others] = pensFor(now.heads, coloursOf(now.scale, categories.now.value), theme.value);
    const ink: Ink = {
      kind: kind.value,
      colour: (others.length === 0 && pen?.colour) || accent(theme.value),
      signs: signsOf(now.scale, theme.value),
      top: range.top,
      isLog: isLog.value,
      theme: theme.value,
    };
    const { query, key } = inSight;
    const means = here.length < wanted.length ? null : meanOverQueries(here, query, key, stage.queries, now.scale);
    return { stage, at, sight: inSight, level, wanted, here, coarser: below, range, ink, means };
  });

  const cellOf = ({ query, key }: Pair): Cursor => {
    const { level = 0, stage } = plan.peek() ?? {};
    const side = 2 ** level;
    const span = (unit: number, count = 0): Span => {
      const start = Math.floor(unit / side) * side;
      return [start, Math.min(count, start + side)];
    };
    return { query, key, queries: span(query, stage?.queries), keys: span(key, stage?.keys) };
  };

  const units = computed(() => scene.value?.units);
  const stops = [
    // Another text, or words in place of tokens.
    effect(() => {
      units.value;
      sight.value = null;
      cursor.value = null;
    }),
    // A cell of many pairs is read by its strongest one.
    effect(() => {
      const on = cursor.value;
      const now = scene.value;
      strongest.value = null;
      if (!on || !now || on.queries[1] - on.queries[0] + on.keys[1] - on.keys[0] === 2) return;
      const { heads, scale } = now;
      const how = cells.together.value;
      const find = (tiles: Tile[][]) => {
        const [tile] = (how ? takeTogether(tiles, how, scale) : tiles[0]) ?? [];
        const best = tile && strongestIn(tile, on.queries, on.keys);
        if (best) strongest.value = { ...best, of: on };
      };
      if (now.isWhole) {
        find(now.tiles);
        return;
      }
      if (heads.length > FEW) return;
      const asking = new AbortController();
      const timer = setTimeout(async () => {
        const tiles = heads.map((head) => source.tile(head, on.queries, on.keys, asking.signal));
        const found = await Promise.all(tiles).catch(() => null); // the cell's own numbers are on screen
        if (found && !asking.signal.aborted) find(found.map((tile) => [tile]));
      }, REST);
      return () => {
        clearTimeout(timer);
        asking.abort(UNWANTED);
      };
    }),
  ];
  abort.addEventListener("abort", () => {
    for (const stop of stops) stop();
  });

  return {
    cells,
    size,
    sight,
    kind,
    isLog,
    cursor,
    place: null,
    plan,
    strongest,
    cellOf,
    read({ query, key }) {
      for (const one of plan.value?.here ?? []) {
        const place = placeIn(one, query, key);
        const number = (of: Kind) => numbersOf(one, of)[place] as number;
        if (place >= 0) return { largest: number("maximum"), mass: number("mass"), step: one.step };
      }
      return null;
    },
  };
}

const isAt = (cells: Cells, { level, row, column }: Address): boolean =>
  cells.level === level && cells.row === row && cells.column === column;

/** The finest tile that is here and shows the same. */
function addCoarser({ level, row, column }: Address, top: number, cells: CellStore, found: Map<string, Cells>): void {
  for (let up = 1; level + up <= top; up++) {
    const one = cells.get({ level: level + up, row: row >> up, column: column >> up });
    if (!one) continue;
    found.set([one.level, one.row, one.column].join(), one);
    return;
  }
}
