// Which pairs the selected heads link most, ready to be pinned.

import { pensFor, signOf, signsOf } from "../../draw/colours";
import { coloursOf } from "../../layout/categories";
import { whoseName } from "../../layout/heads";
import { exactly, rankOf, strengthOf } from "../../layout/scale";
import { type Pair, pairsOf } from "../../layout/scene";
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
  const pairs = scene.isWhole ? pairsOf(scene, SHOWN) : pairsInSight(scene, inSight.value as InSight);
  const signs = signsOf(scale, theme.value);
  const pens = pensFor(heads, coloursOf(scale, categories.now.value), theme.value);
  return (
    <section class="strongest" aria-label="strongest pairs">
      <h3>strongest pairs{!scene.isWhole && " in sight"}</h3>
      {pairs.map(({ head, query, key, value }) => (
        <button
          type="button"
          key={`${head} ${query} ${key}`}
          style={{ "--weight": strengthOf(scale, value), "--pen": signs ? signOf(signs, value) : pens[head]?.colour }}
          onClick={() => state.set({ queries: units.query.tokens(query), keys: units.key.tokens(key) })}
        >
          <span class="pair">
            {heads.length > 1 && <span class="hint">{whoseName(scale, heads[head] as Head)} </span>}
            <QueryName units={units.query} unit={query} /> → <bdi>{units.key.labels[key]}</bdi>
          </span>
          <span class="value">{exactly(scale, value)}</span>
        </button>
      ))}
    </section>
  );
}

/** The same among the lines of a long text that are drawn. */
function pairsInSight({ units, scale }: Scene, { rows }: InSight): Pair[] {
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
    .sort((a, b) => rankOf(scale, b.value) - rankOf(scale, a.value))
    .slice(0, SHOWN);
}

export const strongestPairs: Panel = { place: "left", css, Component: StrongestPairs };
