// With a pinned pair: every head's link between the two, to be sorted; and what cutting that very link does.

import { useSignal } from "@preact/signals";
import { COLUMNS, type Column, linkRows, signedFigure } from "../../layout/effects";
import { headName } from "../../layout/heads";
import { exactWeight, figure } from "../../layout/numbers";
import { isForbidden } from "../../layout/tile";
import { tokensOf } from "../../layout/units";
import type { Context } from "../../parts/context";
import { chooseHead } from "../../state/choose-head";
import type { Links } from "../../wire/schema";
import { Running } from "./running";
import type { EffectStore } from "./store";

const FIRST = 8; // rows
const TITLES: Record<Column | "head", string> = {
  head: "in the order of the model",
  weight: "how much of the query’s attention goes to the key",
  norm: "how long the vector is that comes from there",
  share: "what the link writes directly into the answer’s logit",
  cut: "by how much the answer changes when this head may not use the link",
};

export function LinkTable({ context, store }: { context: Context; store: EffectStore }) {
  const { state } = context;
  const all = useSignal(false);
  const links = store.links.value;
  const outline = state.kernel.outline.value;
  if (!links || !outline) return null;
  const { by, isReversed } = store.sort.value;
  const columns = COLUMNS.filter((name) => links.arrays[name]);
  const rows = linkRows(links, by, isReversed);
  const shown = all.value ? rows : rows.slice(0, FIRST);
  const chosen = new Set(state.traits.heads.value.map(headName));
  const label = (side: "queries" | "keys") => {
    const { tokens } = tokensOf(side === "keys" ? (outline.keys ?? outline.queries) : outline.queries);
    return links[side].map((at) => tokens[at]).join(" ");
  };
  return (
    <section class="links" aria-label="every head’s link of the pinned pair">
      <table>
        <caption>
          the link <bdi>{label("queries")}</bdi> → <bdi>{label("keys")}</bdi> in every head
        </caption>
        <thead>
          <tr>
            {(["head", ...columns] as const).map((name) => (
              <th
                key={name}
                scope="col"
                aria-sort={by === name ? (isReversed ? "ascending" : "descending") : undefined}
              >
                <button
                  type="button"
                  title={TITLES[name]}
                  onClick={() => {
                    store.sort.value = { by: name, isReversed: by === name && !isReversed };
                  }}
                >
                  {name === "cut" ? "when cut" : name}
                  <span aria-hidden="true">{by === name ? (isReversed ? " ▴" : " ▾") : ""}</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map(({ head, numbers }) => (
            <tr key={headName(head)}>
              <th scope="row">
                <button
                  type="button"
                  class="small-button"
                  aria-pressed={chosen.has(headName(head))}
                  title="show this head in the other views · Shift adds it"
                  onClick={(event) => chooseHead(state, head, event.shiftKey)}
                >
                  {headName(head)}
                </button>
              </th>
              {columns.map((name) => (
                <td key={name}>{written(links, name, numbers[name])}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="links-more">
        {rows.length > FIRST && (
          <button
            type="button"
            class="small-button"
            aria-expanded={all.value}
            onClick={() => {
              all.value = !all.value;
            }}
          >
            {all.value ? "fewer" : `all ${rows.length} heads`}
          </button>
        )}
        <Cutting links={links} store={store} />
      </p>
      {Object.entries(links.lacks).map(([name, why]) => (
        <p class="hint" key={name}>
          No {name === "cut" ? "effect of cutting" : name}: {why}
        </p>
      ))}
    </section>
  );
}

function Cutting({ links, store }: { links: Links; store: EffectStore }) {
  if (links.state === "running") {
    const { done, total } = links;
    return <Running label="cutting the link in one head at a time" done={done} total={total} onStop={store.stop} />;
  }
  if (!store.canRun.value || links.state === "ready") return null;
  return (
    <button type="button" class="small-button" onClick={store.cut}>
      {links.state === "stopped" ? "go on: cut this link in each head" : "cut this link in each head"}
    </button>
  );
}

function written(links: Links, name: Column, value: number): string {
  if (!links.arrays[name]) return "";
  if (isForbidden(value)) return "forbidden";
  if (Number.isNaN(value)) return "–";
  return name === "weight" ? exactWeight(value) : name === "norm" ? figure(value) : signedFigure(value);
}
