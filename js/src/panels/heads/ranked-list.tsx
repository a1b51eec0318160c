// Heads in order, each with its number as a bar: the first few, or all.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { categoryColour, signOf, signsOf } from "../../draw/colours";
import { nameOf, OTHER, UNKNOWN } from "../../layout/categories";
import { headName } from "../../layout/heads";
import { fullBar, type Ranked } from "../../layout/ranking";
import { atMost, exactly, type Scale } from "../../layout/scale";
import { queryLabel, type Side } from "../../layout/units";
import { Around, positionOf } from "../../parts/around";
import type { Context } from "../../parts/context";
import { Swatch } from "../../parts/swatch";
import { chooseHead } from "../../state/choose-head";

const FIRST = 5;
const LONG = 40; // units of a text whose places need their position and words around them

interface Props {
  context: Context;
  /** Of the list, for those who do not see it. */
  name: string;
  list: Ranked[];
  scale: Scale;
  /** The side that the rows of the list are found on; null where there is none. */
  open: Side | null;
  /** What stands above it. */
  children: ComponentChildren;
}

export function RankedList({ context, name, list, scale, open, children }: Props) {
  const { state, categories, theme, place } = context;
  const all = useSignal(false);
  const units = state.units.value;
  if (!units) return null;
  const isOwn = scale.of === "head";
  const signs = signsOf(scale, theme.value);
  const bar = fullBar(list, scale.domain === "share");
  const shown = all.value ? list : list.slice(0, FIRST);
  const rest = list.length - FIRST;
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
    <section class="ranking" aria-label={name} data-ranked={list.length}>
      {children}
      <ol class={all.value ? "all" : ""}>
        {shown.map((one) => {
          const label = isOwn ? headName(one.head) : `L${one.head[0]}`;
          const kind = kindOf(one);
          const found = open && one.row >= 0 ? labelOf(open, one.row) : null;
          const value = exactly(scale, one.value);
          return (
            <li key={label}>
              <button
                type="button"
                class="ranked"
                data-listed-head={headName(one.head)}
                aria-pressed={isOn.has(label)}
                title={[label, kind?.name, value].filter(Boolean).join(" · ")}
                onClick={(event) => {
                  chooseHead(state, one.head, event.shiftKey);
                  if (open && one.row >= 0) show(open, one.row);
                }}
              >
                <b>{label}</b>
                {kind && known && <Swatch categories={known} category={kind.category} theme={theme.value} />}
                {found !== null && !isLong && (
                  <span class="found">
                    {open === "key" ? "→ " : ""}
                    <bdi>{found}</bdi>
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
