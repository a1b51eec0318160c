// Which pairs the selected heads link most, ready to be pinned.

import { pensFor } from "../../draw/colours";
import { headName } from "../../layout/heads";
import { exactly, strengthOf } from "../../layout/scale";
import { isForbidden } from "../../layout/tile";
import type { InSight } from "../../parts/context";
import type { Panel, PanelProps } from "../../parts/panel";
import { QueryName } from "../../parts/query-name";
import type { Scene } from "../../source/scene";
import type { Head } from "../../wire/schema";
import css from "./strongest-pairs.css";

const SHOWN = 3;

function StrongestPairs({ context }: PanelProps) {
  const { state, categories, theme, drawsTiles, ranking, inSight } = context;
  const scene = context.scene.value;
  if (!scene || !drawsTiles.value || ranking.value) return null; // what is pinned is ranked in this place
  const { heads, units, scale } = scene;
  if (!scene.isWhole && !inSight.value) return null; // nobody has looked at all pairs of a long text
  const pairs = scene.isWhole ? pairsOf(scene) : pairsInSight(scene, inSight.value as InSight);
  const pens = pensFor(heads, categories.now.value, theme.value);
  return (
    <section class="strongest" aria-label="strongest pairs">
      <h3>strongest pairs{!scene.isWhole && " in sight"}</h3>
      {pairs.map(({ head, query, key, value }) => (
        <button
          type="button"
          key={`${head} ${query} ${key}`}
          style={{ "--weight": strengthOf(scale, value), "--pen": pens[head]?.colour }}
          onClick={() => state.set({ queries: units.query.tokens(query), keys: units.key.tokens(key) })}
        >
          <span class="pair">
            {heads.length > 1 && <span class="hint">{headName(heads[head] as Head)} </span>}
            <QueryName units={units.query} unit={query} /> → <bdi>{units.key.labels[key]}</bdi>
          </span>
          <span class="value">{exactly(scale, value)}</span>
        </button>
      ))}
    </section>
  );
}

/** Without a token's link to itself, and without rows that see one key only: their weight is 1 by necessity. */
function pairsOf({ tiles, units, scale }: Scene) {
  const least = scale.domain === "real" ? Number.NEGATIVE_INFINITY : 0;
  const best: { head: number; query: number; key: number; value: number }[] = [];
  tiles.forEach(([tile], head) => {
    if (!tile) return;
    const { queries, keys, values } = tile;
    const width = keys[1] - keys[0];
    for (let row = 0; row < queries[1] - queries[0]; row++) {
      const ofRow = values.subarray(row * width, (row + 1) * width);
      if (ofRow.reduce((allowed, value) => allowed + (isForbidden(value) ? 0 : 1), 0) < 2) continue;
      for (let at = 0; at < width; at++) {
        const value = ofRow[at] as number;
        const [query, key] = [queries[0] + row, keys[0] + at];
        if ((query === key && units.query === units.key) || isForbidden(value)) continue;
        if (!(value > (best[SHOWN - 1]?.value ?? least))) continue;
        best.push({ head, query, key, value });
        best.sort((a, b) => b.value - a.value);
        best.length = Math.min(best.length, SHOWN);
      }
    }
  });
  return best;
}

/** The same among the lines of a long text that are drawn. */
function pairsInSight({ units }: Scene, { rows }: InSight) {
  const all = [...rows].flatMap(([query, row]) =>
    row.visible < 2
      ? []
      : [...row.values].map((value, at) => ({
          head: row.heads[at] as number,
          query,
          key: row.units[at] as number,
          value,
        })),
  );
  const isItself = ({ query, key }: (typeof all)[number]) => query === key && units.query === units.key;
  return all
    .filter((one) => !isItself(one))
    .sort((a, b) => b.value - a.value)
    .slice(0, SHOWN);
}

export const strongestPairs: Panel = { place: "left", css, Component: StrongestPairs };
