// The strongest lines of rows that are wanted: of a short text found here, of a long one by a live kernel.

import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type Row, type Rule, readRows, strongestOf } from "../layout/strongest";
import type { Span } from "../layout/tile";
import type { Side } from "../layout/units";
import { type Client, STOPPED, UNWANTED } from "../wire/client";
import type { Scene } from "./scene";

export interface Wanted {
  scene: Scene;
  side: Side;
  rule: Rule;
  words: boolean;
  measure: string;
  /** Rows that are to be drawn. */
  rows: readonly number[];
  /** With these around them, which may be wanted next. */
  around: Span | null;
}

export interface Found {
  /** Of the same text, heads and rule: of another name are other lines. */
  name: string;
  rows: ReadonlyMap<number, Row>;
  /** Whether all that were wanted are here. */
  complete: boolean;
}

export interface LineSource {
  /** Those rows that are here; the others are asked for. */
  find(wanted: Wanted): Found;
  /** Changes when more are here. */
  arrived: ReadonlySignal<number>;
}

export const LINES_MAX = 4096; // of one answer, as in wire/lines.py
const NAMES = 8; // of which rows are kept
const ROWS = 4096; // that are kept of each

/** One question at a time: of those that come up meanwhile the newest is asked next. */
export function createLineSource(client: Client, problem: Signal<string>, abort: AbortSignal): LineSource {
  const arrived = signal(0);
  const kept = new Map<string, Map<number, Row>>(); // newest last
  let open: { name: string; rows: Set<number>; cancel: AbortController } | null = null;
  let failed = ""; // is not asked again
  let here: { drawn: Scene["drawn"]; name: string; rows: Map<number, Row> } | null = null;

  function ask(wanted: Wanted, name: string, missing: number[]): void {
    if (open?.name === name && missing.some((row) => open?.rows.has(row))) return;
    open?.cancel.abort(UNWANTED);
    const { scene, side, rule, words, measure } = wanted;
    const { run, trace, attention } = scene.outline;
    const most = Math.floor(LINES_MAX / (rule.count * scene.drawn.length));
    const rows = ahead(wanted, missing, kept.get(name)).slice(0, most);
    const cancel = new AbortController();
    const mine = { name, rows: new Set(rows), cancel };
    open = mine;
    const params = {
      ...{ heads: scene.heads, together: scene.together, side, ...rule, words, measure, run, trace, attention },
      spans: spansOf(rows).map(([start, stop]) => [start, stop] as [number, number]),
      withoutSelf: side === "query" && scene.leftOut?.self === true,
      withoutFirst: side === "query" && scene.leftOut?.first === true,
    };
    const settle = () => {
      if (open === mine) open = null;
      arrived.value += 1;
    };
    client.ask("strongest", params, { abort: cancel.signal, label: "strongest lines" }).then(
      ({ ok, buffers }) => {
        if (buffers[0]) remember(kept, name, readRows(ok, buffers[0], rows));
        settle();
      },
      (error: Error) => {
        failed = name;
        if (error.message !== STOPPED) problem.value = error.message;
        settle();
      },
    );
  }
  abort.addEventListener("abort", () => open?.cancel.abort(UNWANTED));

  return {
    arrived,
    find(wanted) {
      const { scene, side, rule } = wanted;
      const left = scene.leftOut ? [scene.leftOut.self, scene.leftOut.first] : [];
      const name = [scene.name, scene.together, left, side, rule.count, rule.least].join("|");
      if (scene.isWhole) {
        if (here?.drawn !== scene.drawn || here.name !== name) here = { drawn: scene.drawn, name, rows: new Map() };
        const across = scene.units[side === "query" ? "key" : "query"].labels.length;
        for (const row of wanted.rows) {
          if (!here.rows.has(row)) here.rows.set(row, strongestOf(scene.drawn, side, row, across, rule, scene.scale));
        }
        return { name, rows: here.rows, complete: true };
      }
      if (failed !== name) failed = "";
      const rows = kept.get(name) ?? new Map<number, Row>();
      const missing = wanted.rows.filter((row) => !rows.has(row));
      if (missing.length > 0 && !failed) ask(wanted, name, missing);
      else if (missing.length === 0 && open && open.name !== name) open.cancel.abort(UNWANTED);
      return { name, rows: new Map(rows), complete: missing.length === 0 };
    },
  };
}

/** What is missing, and first of all that; then what is around it. */
function ahead({ around }: Wanted, missing: number[], rows: ReadonlyMap<number, Row> | undefined): number[] {
  if (!around) return missing;
  const own = new Set(missing);
  const more = Array.from({ length: around[1] - around[0] }, (_, at) => around[0] + at);
  return [...missing, ...more.filter((row) => !own.has(row) && !rows?.has(row))];
}

function spansOf(rows: readonly number[]): Span[] {
  const spans: [number, number][] = [];
  for (const row of [...rows].sort((a, b) => a - b)) {
    const last = spans.at(-1);
    if (last && last[1] === row) last[1] += 1;
    else spans.push([row, row + 1]);
  }
  return spans;
}

function remember(kept: Map<string, Map<number, Row>>, name: string, found: Map<number, Row>): void {
  const rows = kept.get(name) ?? new Map<number, Row>();
  kept.delete(name);
  kept.set(name, rows);
  for (const [row, one] of found) {
    rows.delete(row);
    rows.set(row, one);
  }
  for (const oldest of rows.keys()) {
    if (rows.size <= ROWS) break;
    rows.delete(oldest);
  }
  for (const oldest of kept.keys()) {
    if (kept.size <= NAMES) break;
    kept.delete(oldest);
  }
}
