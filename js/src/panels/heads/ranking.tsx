// Which head tells: all heads by the pinned pair's number, ready to be shown.

import { useSignal } from "@preact/signals";
import { categoryColour, signOf, signsOf } from "../../draw/colours";
import { nameOf, OTHER, UNKNOWN } from "../../layout/categories";
import { headName } from "../../layout/heads";
import { fullBar, type Ranked, ranked } from "../../layout/ranking";
import { atMost, exactly, mostIn, scaleNamed } from "../../layout/scale";
import { queryLabel, type Side } from "../../layout/units";
import { Around, positionOf } from "../../parts/around";
import type { Panel, PanelProps } from "../../parts/panel";
import { Swatch } from "../../parts/swatch";
import { chooseHead } from "../../state/choose-head";
import css from "./ranking.css";

const FIRST = 5;
const LONG = 40; // units of a text whose places need their position and words around them
const ABOUT = {
  pair: (what: string) => `all ${what}s by this pair`,
  key: (what: string) => `where each ${what} looks most`,
  query: (what: string) => `what looks at it most in each ${what}`,
};

function HeadRanking({ context }: PanelProps) {
  const { state, ranking, categories, theme, place } = context;
  const all = useSignal(false);
  const now = ranking.value;
  const units = state.units.value;
  if (!now || !units) return null;
  const scale = scaleNamed(now.outline, now.measure);
  const isOwn = scale.of === "head";
  const list = ranked(now, scale);
  const signs = signsOf(scale, theme.value);
  const bar = fullBar(list, scale.domain === "share");
  const shown = all.value ? list : list.slice(0, FIRST);
  const open: Side | null = now.queries.length === 0 ? "query" : now.keys.length === 0 ? "key" : null;
  const rest = list.length - FIRST;
  const several = units.query.of(now.queries).length;
  const { self, first } = context.looks.leftOut.value;
  const about = [
    open && scale.domain === "signed"
      ? `${mostIn(scale)} ${scale.label} in each ${isOwn ? "head" : "layer"}`
      : ABOUT[open ?? "pair"](isOwn ? "head" : "layer"),
    scale.of === "layer" && "all heads of a layer together",
    scale.of === "way" && "all heads of a layer and of those below",
    several > 1 && `mean of ${several} queries`,
    (self || first) && "nothing hidden", // the numbers are the model's own
  ]
    .filter(Boolean)
    .join(" · ");
  const isOn = new Set(state.traits.heads.value.map((head) => (isOwn ? headName(head) : `L${head[0]}`)));
  const isLong = open !== null && units[open].labels.length > LONG;
  const show = (side: Side, row: number) => {
    const [token] = units[side].tokens(row);
    if (token !== undefined) place.value = { side, token };
  };
  const labelOf = (side: Side, row: number) =>
    side === "query" ? queryLabel(units.query, row, " ▸ ") : units.key.labels[row];
  const known = categories.now.value?.fresh ? categories.now.value : null;
  const kindOf = ({ head }: Ranked) => {
    const category = known?.main(head) ?? UNKNOWN;
    if (!known || category < OTHER || !isOwn) return null;
    return { category, name: nameOf(known, category), colour: categoryColour(known, category, theme.value) };
  };
  return (
    <section class="ranking" aria-label="heads ranked by the pinned pair" data-ranked={list.length}>
      {now.why && <p class="fine">{now.why}</p>}
      {list.length > 0 && <p class="fine">{about}</p>}
      <ol class={all.value ? "all" : ""}>
        {shown.map((one) => {
          const name = isOwn ? headName(one.head) : `L${one.head[0]}`;
          const kind = kindOf(one);
          const label = open && one.row >= 0 ? labelOf(open, one.row) : null;
          const value = exactly(scale, one.value);
          return (
            <li key={name}>
              <button
                type="button"
                class="ranked"
                data-listed-head={headName(one.head)}
                aria-pressed={isOn.has(name)}
                title={[name, kind?.name, value].filter(Boolean).join(" · ")}
                onClick={(event) => {
                  chooseHead(state, one.head, event.shiftKey);
                  if (open && one.row >= 0) show(open, one.row);
                }}
              >
                <b>{name}</b>
                {kind && known && <Swatch categories={known} category={kind.category} theme={theme.value} />}
                {label !== null && !isLong && (
                  <span class="found">
                    {open === "key" ? "→ " : ""}
                    <bdi>{label}</bdi>
                    {open === "query" ? " →" : ""}
                  </span>
                )}
                <i
                  class="bar"
                  style={{
                    "--score": Math.min(1, Math.abs(one.value) / bar),
                    ...(signs ? { "--pen": signOf(signs, one.value) } : kind?.colour && { "--pen": kind.colour }),
                  }}
                />
                <span class="value">{value}</span>
                {open && isLong && one.row >= 0 && (
                  <span class="found-at" data-found={one.row}>
                    <span class="position">{positionOf(units[open], one.row)}</span>
                    <Around units={units[open]} unit={one.row} />
                  </span>
                )}
              </button>
            </li>
          );
        })}
      </ol>
      {rest > 0 && (
        <button type="button" class="more" aria-expanded={all.value} onClick={() => (all.value = !all.value)}>
          {all.value ? "only the first" : `${rest} more · ${atMost(scale, list[FIRST]?.value ?? 0)}`}
        </button>
      )}
    </section>
  );
}

export const headRanking: Panel = { place: "left", css, Component: HeadRanking };
