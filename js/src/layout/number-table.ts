// What is on screen as rows and columns: to be copied, saved, or read aloud. As `export/numbers.py` has it. Pure.

import type { Breakdown } from "../wire/schema";
import { allHeads, type HeadCategories, nameOf, scoreOf } from "./categories";
import type { Focus } from "./focus";
import { headName, howMany, whoseName } from "./heads";
import type { Profile } from "./profile";
import { hiddenIn, rankOf, type Scale, WEIGHTS } from "./scale";
import type { Scene } from "./scene";
import type { Numbers } from "./steps";
import { LABELS, onlyAt, pairAt, type StepsBeside } from "./steps-beside";
import { isForbidden, valueAt } from "./tile";
import type { Side } from "./units";

type Cell = string | number | null;

export interface NumberTable {
  columns: string[];
  rows: Cell[][];
  /** How many rows there would be: more than there are where they are too many. */
  count: number;
}

export const MOST = 200_000; // rows

/** A number, and why there is none. */
const noted = (scale: Pick<Scale, "name">, value: number): [Cell, string] =>
  isForbidden(value) ? [null, hiddenIn(scale)] : Number.isNaN(value) ? [null, "not a number"] : [value, ""];

const unitIn = ({ units }: Scene, side: Side, unit: number): [Cell, Cell] => [
  units[side].tokens(unit)[0] ?? unit,
  units[side].labels[unit] ?? "",
];

const pairColumns = ({ scale }: Scene): string[] => [
  ...["query position", "query token", "key position", "key token", "head"],
  ...[scale.label, "note"],
];

/** Every pair of a short text that is in focus, in every head. */
export function pairTable(scene: Scene, focus: Focus | null, most = MOST): NumberTable {
  const { units, heads, given } = scene;
  const all = (side: Side) => units[side].labels.map((_, unit) => unit);
  const inOrder = (some: readonly number[]) => [...some].sort((a, b) => a - b);
  const queries = inOrder(focus?.queries ?? all("query"));
  const keys = inOrder(focus?.keys ?? all("key"));
  const rows: Cell[][] = [];
  heads.forEach((head, at) => {
    for (const query of queries) {
      for (const key of keys) {
        if (rows.length === most) return;
        const pair = [...unitIn(scene, "query", query), ...unitIn(scene, "key", key)];
        rows.push([...pair, whoseName(scene.scale, head), ...noted(scene.scale, valueAt(given[at] ?? [], query, key))]);
      }
    }
  });
  return { columns: pairColumns(scene), rows, count: heads.length * queries.length * keys.length };
}

/** Of a longer text the numbers between what is in focus and everything on the other side, the strongest first. */
export function profileTable(scene: Scene, { side, of, byHead, heads }: Profile, most = MOST): NumberTable {
  const from: Side = side === "key" ? "query" : "key";
  const own = of.map((unit) => unitIn(scene, from, unit));
  const one = [own.map(([at]) => at).join(" "), own.map(([, label]) => label).join(" ")];
  const all = byHead.flatMap((row, at) => Array.from(row, (value, unit) => ({ value, unit, at })));
  const rank = (value: number) => (Number.isNaN(value) ? Number.NEGATIVE_INFINITY : rankOf(scene.scale, value));
  all.sort((a, b) => rank(b.value) - rank(a.value) || a.unit - b.unit);
  const rows = all.slice(0, most).map(({ value, unit, at }) => {
    const other = unitIn(scene, side, unit);
    const head = heads[at];
    const name =
      byHead.length === heads.length && head ? whoseName(scene.scale, head) : howMany(scene.scale, heads.length);
    return [...(side === "key" ? [...one, ...other] : [...other, ...one]), name, ...noted(scene.scale, value)];
  });
  return { columns: pairColumns(scene), rows, count: all.length };
}

/** Every head's scores. */
export function headTable(known: HeadCategories): NumberTable {
  const { list, scores, peak, main } = known;
  const rows = allHeads(scores).map((head) => [
    ...[headName(head), ...head, nameOf(known, main(head))],
    ...list.map((_, category) => noted(WEIGHTS, scoreOf(scores, category, head))[0]),
    peak[head[0]]?.[head[1]] ?? null,
  ]);
  const columns = ["head", "layer", "number", "category", ...list.map(({ name }) => name), "sharpness"];
  return { columns, rows, count: rows.length };
}

const STEPS: [keyof Numbers, string][] = [
  ["dots", "q·k"],
  ["scaled", "scaled"],
  ["capped", "capped"],
  ["bias", "bias"],
  ["scores", "score"],
  ["exponentials", "exponential"],
  ["weights", "weight"],
  ["weightedNorms", "‖weight × value‖"],
];

/** The keys of a breakdown, each with its steps. */
export function stepTable(
  { rows }: Breakdown,
  numbers: Pick<Numbers, "allowed"> & Partial<Numbers>,
  changed: Partial<Numbers> | null,
  tokens: string[],
  beside: StepsBeside | null = null,
  theirTokens: string[] = [],
): NumberTable {
  const own = STEPS.flatMap(([name, label]) => (numbers[name] ? [{ values: numbers[name], label }] : []));
  const others = STEPS.flatMap(([name, label]) =>
    changed?.[name] ? [{ values: changed[name], label: `${label}, changed` }] : [],
  );
  const all = [...own, ...others];
  const compared = beside?.names ?? [];
  const more = compared.flatMap((name) => [`${LABELS[name]}, B`, `${LABELS[name]}, A − B`]);
  const columns = [
    "key position",
    "key token",
    "allowed",
    ...all.map(({ label }) => label),
    ...more,
    ...(beside ? ["note"] : []),
  ];
  const made = rows.map((key, at) => [
    ...[key, tokens[key] ?? "", numbers.allowed[at] ? "yes" : "no"],
    ...all.map(({ values }) => noted(WEIGHTS, values[at] as number)[0]),
    ...(beside ? besideCells(beside, numbers.allowed, at) : []),
  ]);
  beside?.payload.only.forEach((key, at) => {
    const theirs = compared.flatMap((name) => [finite(onlyAt(beside, name, at)), null]);
    made.push([null, theirTokens[key] ?? "", "", ...all.map(() => null), ...theirs, `only in B, position ${key}`]);
  });
  return { columns, rows: made, count: made.length };
}

const finite = (value: number | null): Cell => (Number.isFinite(value) ? value : null);

/** B's numbers and A − B, and why there is none. */
function besideCells(beside: StepsBeside, allowed: Uint8Array, row: number): Cell[] {
  const pairs = beside.names.map((name) => pairAt(beside, allowed, name, row));
  return [...pairs.flatMap(({ there, apart }) => [finite(there), finite(apart)]), pairs[0]?.reason ?? ""];
}

/** What a spreadsheet would take for a formula stands behind an apostrophe; a number has the digits of a float32. */
function written(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell === "number") return String(Number(cell.toPrecision(9)));
  return /^[=+\-@\t\r\n＝＋－＠]/.test(cell) ? `'${cell}` : cell;
}

/** Cells with tabs between them, as spreadsheets paste them. */
export const tabbed = ({ columns, rows }: NumberTable): string =>
  [columns, ...rows].map((row) => row.map(written).join("\t")).join("\n");

/** As a file: behind a byte order mark, by which spreadsheets know what it is written in. */
export const csv = ({ columns, rows }: NumberTable): string =>
  `\ufeff${[columns, ...rows].map((row) => `${row.map(quoted).join(",")}\r\n`).join("")}`;

function quoted(cell: Cell): string {
  const text = written(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
