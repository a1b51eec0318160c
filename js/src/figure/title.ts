// What is to be read of a figure, above it: as in the view's readout.

import type { Edges } from "../layout/edges";
import type { Focus } from "../layout/focus";
import { howMany, whoseName } from "../layout/heads";
import { readingsOf } from "../layout/readings";
import { exactly } from "../layout/scale";
import { pairsOf, type Scene } from "../layout/scene";
import { queryLabel, type Sides } from "../layout/units";
import type { Head } from "../wire/schema";
import type { Given } from "./given";
import { isolated, type Run } from "./svg";

/** What is pinned, in numbers; where nothing is, the largest number of two tokens. */
export function titleOf(
  given: Given & { scene: Scene },
  focus: Focus | null,
  quiet: string,
  edges: Edges | null = null,
): Run[][] {
  const { scene, selection, profile } = given;
  const { units, heads, together, scale } = scene;
  const own = (head: Head) => whoseName(scale, head);
  const names = together ? `${together} of ${howMany(scale, heads.length)}` : heads.map(own).join(", ");
  const said = (head: string, pair: string, note: string): Run[] => [
    { text: `${head} ` },
    { text: pair, bold: true },
    { text: note && ` ${note}`, fill: quiet },
  ];
  if (!focus) {
    const best: Linked | null =
      pairsOf(together ? { ...scene, tiles: scene.drawn } : scene, 1)[0] ?? lastOf(edges, units);
    if (!best) return [[{ text: names, bold: true }]];
    const { query, key, value } = best;
    const pair = `${isolated(queryLabel(units.query, query))} → ${isolated(units.key.labels[key] ?? "")}`;
    const number = value === undefined ? "" : ` ${exactly(scene.scale, value)}`;
    const several = !together && heads.length > 1;
    const between = units.query === units.key ? ` between two ${selection.words ? "words" : "tokens"}` : "";
    const among = `${several ? ` in ${howMany(scale, heads.length)}` : ""}${scene.isWhole ? "" : ", of those drawn"}`;
    const head = several ? own(heads[best.head] ?? [0, 0]) : names;
    return [said(head, `${pair}${number}`, `the largest ${scene.scale.label}${between}${among}`)];
  }
  const read = readingsOf(scene, focus, false, selection.words, selection.combine, null, null, profile ?? null);
  if (read.length === 0 || read.some(({ value }) => value === "…")) return [[{ text: names, bold: true }]];
  return read.map(({ head, query, key, value, note }) => {
    const pair = query || key ? `${isolated(query)}${key ? ` → ${isolated(key)}` : ""} ` : "";
    return said(head, `${pair}${value}`, note);
  });
}

interface Linked {
  head: number;
  query: number;
  key: number;
  value?: number;
}

/** Of lines, which are drawn weakest first, the one with the largest number, as `pairsOf` has it: no token's own. */
function lastOf(edges: Edges | null, { query, key }: Sides): Linked | null {
  for (let at = (edges?.count ?? 0) - 1; edges && at >= 0; at--) {
    const found = { query: edges.query[at] as number, key: edges.key[at] as number, head: edges.head[at] as number };
    if (!edges.negative[at] && (query !== key || found.query !== found.key)) return found;
  }
  return null;
}
