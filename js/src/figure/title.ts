// What is to be read of a figure, above it: as in the view's readout.

import type { Edges } from "../layout/edges";
import type { Focus } from "../layout/focus";
import { headName } from "../layout/heads";
import { readingsOf } from "../layout/readings";
import { exactly } from "../layout/scale";
import { pairsOf, type Scene } from "../layout/scene";
import { queryLabel } from "../layout/units";
import type { Given } from "./given";
import { isolated, type Run } from "./svg";

/** What is pinned in numbers; where nothing is, the strongest pair. */
export function titleOf(given: Given & { scene: Scene }, focus: Focus | null, edges: Edges | null = null): Run[][] {
  const { scene, selection, profile } = given;
  const { units, heads, together } = scene;
  const names = together ? `${together} of ${heads.length} heads` : heads.map(headName).join(", ");
  if (!focus) {
    const best: { query: number; key: number; head: number; value?: number } | null =
      pairsOf(scene, 1)[0] ?? lastOf(edges);
    if (!best) return [[{ text: names, bold: true }]];
    const { query, key } = best;
    const pair = `${isolated(queryLabel(units.query, query))} → ${isolated(units.key.labels[key] ?? "")}`;
    const value = best.value !== undefined ? ` ${exactly(scene.scale, best.value)}` : "";
    const head = !together && heads.length > 1 ? ` in ${headName(heads[best.head] ?? [0, 0])}` : "";
    return [
      [{ text: `${names} ` }, { text: `${pair}${value}`, bold: true }],
      [{ text: `the strongest pair${head}${scene.isWhole ? "" : " in sight"}` }],
    ];
  }
  const read = readingsOf(scene, focus, false, selection.words, selection.combine, null, null, profile ?? null);
  const isWaiting = read.some(({ value }) => value === "…");
  if (read.length === 0 || isWaiting) return [[{ text: names, bold: true }]];
  return read.flatMap(({ head, query, key, value, note }): Run[][] => {
    const pair = query || key ? `${isolated(query)}${key ? ` → ${isolated(key)}` : ""} ` : "";
    return [[{ text: `${head} ` }, { text: `${pair}${value}`, bold: true }], ...(note ? [[{ text: note }]] : [])];
  });
}

/** The strongest of lines, which are drawn weakest first. */
function lastOf(edges: Edges | null) {
  const at = (edges?.count ?? 0) - 1;
  return edges && at >= 0
    ? { query: edges.query[at] as number, key: edges.key[at] as number, head: edges.head[at] as number }
    : null;
}
