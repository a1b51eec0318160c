// What is said of a head, in words and numbers.

import { nameOf, OTHER, scoreOf, UNKNOWN } from "../../layout/categories";
import { whyNoNumber } from "../../layout/comparison";
import { headName } from "../../layout/heads";
import { briefScore, plus, short } from "../../layout/numbers";
import { numberIn } from "../../layout/ranking";
import { exactly, scaleNamed } from "../../layout/scale";
import { isForbidden } from "../../layout/tile";
import { queryLabel } from "../../layout/units";
import type { Context } from "../../parts/context";
import type { Head } from "../../wire/schema";
import type { HeadsStore } from "./store";

const TINY = 1e-9;
const SAID = 3; // tokens named one by one

/** A number below a picture. */
export function briefNumber({ state }: Context, store: HeadsStore, value: number): string {
  const outline = state.kernel.outline.value;
  if (store.order.value !== "pinned pair" || !outline) return briefScore(value);
  const { domain } = scaleNamed(outline, state.traits.measure.value);
  if (domain !== "share") return domain === "signed" ? plus(value, short(value)) : short(value);
  if (value > 0 && value < TINY) return `<${TINY.toExponential(0)}`;
  return value > 0 && value < 0.005 ? value.toExponential(0) : briefScore(value);
}

/** "Previous-Token .99"; empty before that is known. */
export function kindOf({ categories }: Context, head: Head): string {
  const now = categories.now.value;
  const main = now?.fresh ? now.main(head) : UNKNOWN;
  if (!now || main === UNKNOWN) return "";
  return main === OTHER ? nameOf(now, main) : `${nameOf(now, main)} ${briefScore(scoreOf(now.scores, main, head))}`;
}

export interface PairReading {
  query: string;
  key: string;
  value: string;
}

/** What a head has of the pinned pair; null where nothing is pinned, or its number is on its way. */
export function pairOf({ ranking, state }: Context, head: Head): PairReading | null {
  const [now, units] = [ranking.value, state.units.value];
  if (!now || !units || now.values.length === 0) return null;
  const at = now.strongest[head[0] * now.heads + head[1]] ?? -1;
  const query = units.query.of(now.queries).map((row) => queryLabel(units.query, row, " ▸ "));
  const key = units.key.of(now.keys).map((row) => units.key.labels[row] ?? "");
  const found = (side: "query" | "key") => (at < 0 ? "…" : (units[side].labels[at] ?? "…"));
  const [value, scale] = [numberIn(now, head), scaleNamed(now.outline, now.measure)];
  const listed = (labels: string[]) => (labels.length > SAID ? `${labels.length} tokens` : labels.join(", "));
  return {
    query: query.length > 0 ? listed(query) : found("query"),
    key: key.length > 0 ? listed(key) : found("key"),
    value: isForbidden(value) ? whyNoNumber(now.outline, scale, now.queries, now.keys) : exactly(scale, value),
  };
}

/** How far a head is from the one that others are compared with; empty before that is known. */
export function distanceOf(store: HeadsStore, head: Head): string {
  const [from, distance] = [store.from.value, store.known.value.distance];
  if (!from || !distance || headName(from) === headName(head)) return "";
  const value = distance(head);
  return Number.isNaN(value) ? "" : `${value.toFixed(2)} from ${headName(from)}`;
}

/** All of it, for a name. */
export function inWords(context: Context, store: HeadsStore, head: Head): string {
  const pair = pairOf(context, head);
  return [
    [headName(head), kindOf(context, head)].filter(Boolean).join(", "),
    pair && `${pair.query} → ${pair.key} ${pair.value}`,
    distanceOf(store, head),
    context.state.kernel.outline.value?.off.some((one) => headName(one) === headName(head)) && "switched off",
  ]
    .filter(Boolean)
    .join(" · ");
}
