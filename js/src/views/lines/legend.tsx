// What the lines mean, and whose they are.

import { pensFor, SIGNS } from "../../draw/colours";
import type { Theme } from "../../host";
import { type Combine, type Focus, shadedSide } from "../../layout/focus";
import { short } from "../../layout/numbers";
import { type Scale, WEIGHTS } from "../../layout/scale";
import { visibleKeys } from "../../layout/standing";
import { TOGETHER } from "../../layout/together";
import type { Sides } from "../../layout/units";
import type { Context } from "../../parts/context";
import { SmallChoice } from "../../parts/small-choice";
import type { Scene } from "../../source/scene";
import { HeadNames, Kinds } from "./names";
import type { LinesStore } from "./store";
import { type Even, Wedge } from "./wedge";

interface Props {
  context: Context;
  store: LinesStore;
  scene: Scene;
}

export function Legend({ context, store, scene }: Props) {
  const { heads, masked, scale, leftOut, together, units, given, tiles } = scene;
  const { state, looks } = context;
  const { combine, queries } = state.traits;
  const categories = context.categories.now.value;
  const theme = context.theme.value;
  const pens = pensFor(heads, categories, theme);
  const { dropped } = store.edges.value;
  const [pen, ...others] = pens;
  const signs = scale.domain === "real" ? SIGNS[theme] : null;
  const pinned = units.query.of(queries.value);
  const at = context.focus.value;
  const hides = at && shadedSide(at) === "query" ? "cannot see it" : "hidden by the mask"; // what is struck through
  return (
    <div class="legend">
      <Wedge
        scale={scale}
        colour={pen && others.length === 0 ? pen.colour : "var(--quiet)"}
        signs={signs}
        even={evenOf(scene, at, combine.value)}
      />
      <span>{meaningOf(scale, theme)}</span>
      {together ? (
        <span class="taken">
          each line:
          <SmallChoice
            label="How heads are taken together"
            names={TOGETHER}
            chosen={together}
            onChoose={(how) => {
              looks.together.value = how;
            }}
          />
          of {heads.length} heads
        </span>
      ) : (
        heads.length > 1 && <span>numbers: mean of {heads.length} heads</span>
      )}
      {pinned.length > 1 && scale.domain !== "real" && (
        <span class="taken">
          numbers:
          <SmallChoice
            label="How queries are taken together"
            names={["mean", "sum"] as const}
            chosen={combine.value}
            onChoose={(how) => state.set({ combine: how })}
          />
          of {pinned.length} queries
        </span>
      )}
      {masked && (
        <span>
          <s>token</s> {hides}
        </span>
      )}
      {leftOut && (
        <span>
          left out: {leftOutOf(scene)}; the rest of each row scaled up
          {tiles.some((ofHead, at) => ofHead.length < (given[at]?.length ?? 0)) && ", lines of the queries in sight"}
        </span>
      )}
      <Lettering units={scene.units} />
      {dropped > 0 && <span>strongest lines only, {dropped.toLocaleString("en")} left out</span>}
      {together && categories && <Kinds heads={heads} categories={categories} theme={theme} />}
      {!together && heads.length > 1 && (
        <HeadNames heads={heads} pens={pens} categories={categories} signed={signs !== null} />
      )}
    </div>
  );
}

/** What stands beside the numbers of the row in focus: one of as many keys as it may see. Null where there is none. */
function evenOf({ scale, tiles, together, units }: Scene, focus: Focus | null, combine: Combine): Even | null {
  const queries = focus?.queries;
  if (!queries || scale.name !== WEIGHTS.name || together === "maximum") return null;
  const count = units.key.labels.length;
  const visible = tiles.flatMap((ofHead) => queries.map((query) => visibleKeys(ofHead, query, count)));
  const total = visible.reduce((sum, keys) => sum + 1 / keys, 0);
  const value = total / (combine === "mean" ? visible.length : tiles.length);
  if (!Number.isFinite(value) || visible.every((keys) => keys === 1)) return null; // one key has it all
  const [keys] = new Set(visible).size === 1 && (combine === "mean" || queries.length === 1) ? visible : [];
  return { value, label: `even: ${keys ? `1/${keys}` : short(value)}` };
}

function leftOutOf({ leftOut, units }: Scene): string {
  const what = leftOut?.self ? "that" : "the weight";
  const names = [leftOut?.self && "each token’s own weight", leftOut?.first && `${what} on ${units.key.labels[0]}`];
  return names.filter(Boolean).join(" and ");
}

/** Why some tokens are written otherwise, where there are such. */
function Lettering({ units: { query, key } }: { units: Sides }) {
  const any = (flags: "generated" | "special") => query[flags].includes(true) || key[flags].includes(true);
  return (
    <>
      {any("generated") && (
        <span>
          <i>italic</i>: written by the model
        </span>
      )}
      {any("special") && (
        <span>
          <small>small</small>: marks, not words
        </span>
      )}
    </>
  );
}

function meaningOf({ domain, label }: Scale, theme: Theme): string {
  const look = theme === "light" ? "thicker, darker" : "thicker, brighter";
  return domain === "real" ? `${look} = farther from 0 · red above, blue below` : `${look} = larger ${label}`;
}
