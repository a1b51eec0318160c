// Masks as the editor writes and paints them. Pure.

import type { Outline, Selection } from "../wire/schema";

export type Mask = Selection["mask"];

/** A mask of one kind, with the model's own order of reading kept or not. */
export interface Spec {
  name: string;
  numbers: number[];
  /** Whether no token may see a later one besides. */
  causal: boolean;
}

/** A mask's name taken apart; null for several joined that the editor has no fields for. */
export function readSpec(mask: string): Spec | null {
  const parts = mask.split("+");
  const [one = "causal", ...more] = parts.filter((part) => part !== "causal");
  if (more.length > 0) return null;
  const [name = "", given = ""] = one.split(":");
  const numbers = given === "" ? [] : given.split(",").map(Number);
  return { name, numbers, causal: name !== "causal" && parts.includes("causal") };
}

export function writeSpec({ name, numbers, causal }: Spec): string {
  return `${causal ? "causal+" : ""}${name}${numbers.length > 0 ? `:${numbers.join(",")}` : ""}`;
}

/** What tells masks apart; empty for the model's own, whatever the mode. */
const nameOf = (mask: Mask | undefined, mode: Selection["mask_mode"] | undefined): string =>
  mask == null ? "" : `${mode}|${JSON.stringify(mask)}`;

/** Whether what is on screen was computed under the mask that is chosen. */
export const isPut = (outline: Outline | null, mask: Mask | undefined, mode: Selection["mask_mode"]): boolean =>
  nameOf(outline?.mask?.mask, outline?.mask?.mode) === nameOf(mask, mode);

/** How far a mask reaches, in words. */
export const reachOf = ({ mode }: NonNullable<Outline["mask"]>): string =>
  mode === "model" ? "in all layers" : "each head alone";

/** Both masks in small: the model's own and the one that is put on. */
export interface Cells {
  rows: number;
  columns: number;
  /** Of each cell, row by row, the share of its pairs that may attend: 0 to 255. */
  own: Uint8Array;
  now: Uint8Array;
}

/** A mask as it is kept, from cells that are pairs. */
export function toRows({ rows, columns }: Pick<Cells, "rows" | "columns">, cells: Uint8Array): number[][] {
  return Array.from({ length: rows }, (_, row) =>
    Array.from(cells.subarray(row * columns, (row + 1) * columns), (share) => (share > 0 ? 1 : 0)),
  );
}

/** The cells of a mask that was kept; null if it is not of this size. */
export function fromRows({ rows, columns }: Pick<Cells, "rows" | "columns">, mask: number[][]): Uint8Array | null {
  const fits = mask.length === rows && mask.every((row) => row.length === columns);
  return fits ? Uint8Array.from(mask.flat(), (one) => 255 * one) : null;
}

export const KINDS = ["allowed", "hidden", "forbidden", "freed"] as const;
/** allowed: as in the model; hidden: by this mask; forbidden: by the model's own, too; freed: by the model's own only. */
export type Kind = (typeof KINDS)[number];

export const kindOf = (own: number, now: number): Kind =>
  own > 0 ? (now > 0 ? "allowed" : "hidden") : now > 0 ? "freed" : "forbidden";

export const MEANING: Record<Kind, string> = {
  allowed: "may attend",
  hidden: "hidden here",
  forbidden: "hidden by the model’s own",
  freed: "may attend only here",
};

/** The kinds of pairs that there are, in their usual order. */
export function kindsIn({ own, now }: Cells): Kind[] {
  const found: Record<Kind, (model: number, share: number) => boolean> = {
    allowed: (model, share) => Math.min(model, share) > 0,
    hidden: (model, share) => model > share,
    forbidden: (model, share) => Math.max(model, share) < 255,
    freed: (model, share) => share > model,
  };
  return KINDS.filter((kind) => now.some((share, at) => found[kind](own[at] as number, share)));
}

/** The cells on the way from one to another, so that a fast pointer leaves none out. */
export function between([row, column]: Cell, [toRow, toColumn]: Cell): Cell[] {
  const steps = Math.max(Math.abs(toRow - row), Math.abs(toColumn - column), 1);
  return Array.from({ length: steps + 1 }, (_, at) => [
    Math.round(row + ((toRow - row) * at) / steps),
    Math.round(column + ((toColumn - column) * at) / steps),
  ]);
}

export type Cell = readonly [row: number, column: number];

/** px of a cell's side: of a short text the picture below stays in sight, of a longer one each cell can be hit. */
export function sideOf(rows: number, columns: number): number {
  const most = Math.max(rows, columns);
  return Math.max(3, Math.min(20, Math.floor((most <= 20 ? 212 : 288) / most)));
}
