// What the lines mean, and whose they are.

import { pensFor, signsOf } from "../../draw/colours";
import type { Theme } from "../../host";
import { coloursOf } from "../../layout/categories";
import { type Combine, type Focus, shadedSide } from "../../layout/focus";
import { howMany } from "../../layout/heads";
import { shareOf, withPinned } from "../../layout/in-sight";
import { percent, roughly, short } from "../../layout/numbers";
import { addsUp, coloursInWords, hiddenIn, type Scale, sizesOf, WEIGHTS } from "../../layout/scale";
import { visibleKeys } from "../../layout/standing";
import { isForbidden } from "../../layout/tile";
import { TOGETHER } from "../../layout/together";
import type { Sides } from "../../layout/units";
import type { Context } from "../../parts/context";
import { SmallChoice } from "../../parts/small-choice";
import { leavesOut } from "../../source/profile";
import type { Scene } from "../../source/scene";
import { HeadNames, Kinds } from "./names";
import type { Shown } from "./shown";
import type { LinesStore } from "./store";
import { type Even, Wedge } from "./wedge";

interface Props {
  context: Context;
  store: LinesStore;
  shown: Shown;
}

export function Legend({ context, store, shown }: Props) {
  const { scene, found } = shown;
  const { heads, leftOut, together, units } = scene;
  const scale = store.scale.value;
  const { state, looks } = context;
  const { combine, queries } = state.traits;
  const categories = coloursOf(scale, context.categories.now.value);
  const theme = context.theme.value;
  const pens = pensFor(heads, categories, theme);
  const { dropped } = store.edges.value;
  const [pen, ...others] = pens;
  const signs = signsOf(scale, theme);
  const pinned = units.query.of(queries.value);
  const at = context.focus.value;
  const hides = hiddenIn(scale, at ? shadedSide(at) : "key"); // what is struck through
  return (
    <div class="legend">
      <Wedge
        scale={scale}
        colour={pen && others.length === 0 ? pen.colour : "var(--quiet)"}
        signs={signs}
        even={evenOf(context, scene, at, combine.value)}
      />
      <span>
        {found
          ? `thickest = ${roughly(scale.limit)}${store.overflows.value ? " and more" : ""}`
          : meaningOf(scale, theme)}
        {found && signs && ` from 0${coloursInWords(scale)}`}
      </span>
      {found && <span class="drawn">{drawnOf(context, store, shown)}</span>}
      {found && <Folding store={store} shown={shown} />}
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
          of {howMany(scale, heads.length)}
        </span>
      ) : (
        heads.length > 1 && <span>numbers: mean of {howMany(scale, heads.length)}</span>
      )}
      {pinned.length > 1 && addsUp(scale) && (
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
      {isMasked(context, scene) && (
        <span>
          <s>token</s> {hides}
        </span>
      )}
      {leftOut && (
        <span>
          left out: {leftOutOf(scene)}; the rest of each row scaled up
          {shown.side === "key" && !scene.isWhole && ", but for the lines of a key alone"}
          {!numbersLeaveOut(scene, at) && "; numbers beside tokens: nothing left out"}
        </span>
      )}
      <Lettering units={scene.units} />
      {!found && dropped > 0 && <span>strongest lines only, {dropped.toLocaleString("en")} left out</span>}
      {together && categories && <Kinds heads={heads} categories={categories} theme={theme} />}
      {!together && heads.length > 1 && (
        <HeadNames heads={heads} pens={pens} categories={categories} scale={scale} signed={signs !== null} />
      )}
    </div>
  );
}

/** What the other side of a text that does not fit shows: what matters, or what stands beside. */
function Folding({ store: { beside }, shown: { side } }: { store: LinesStore; shown: Shown }) {
  return (
    <span class="taken">
      {side === "key" ? "queries:" : "keys:"}
      <SmallChoice
        label={`Which ${side === "key" ? "queries" : "keys"} are shown`}
        names={["folded", "beside"] as const}
        says={{ folded: side === "key" ? "what looks at it" : "where it looks", beside: "beside" }}
        chosen={beside.value ? "beside" : "folded"}
        onChoose={(name) => {
          beside.value = name === "beside";
        }}
      />
    </span>
  );
}

/** What stands beside the numbers of the row in focus: one of as many keys as it may see. Null where there is none. */
function evenOf(
  { profile }: Context,
  { scale, tiles, together, units, isWhole }: Scene,
  focus: Focus | null,
  combine: Combine,
): Even | null {
  const queries = focus?.queries;
  if (!queries || scale.name !== WEIGHTS.name || together === "maximum") return null;
  if (!isWhole) {
    const { side, of, given } = profile.value ?? {};
    if (queries.length > 1 || side !== "key" || `${of}` !== `${queries}`) return null;
    const keys = given?.reduce((sum, value) => sum + (isForbidden(value) ? 0 : 1), 0) ?? 0;
    return keys > 1 ? { value: 1 / keys, label: `even: 1/${keys}` } : null;
  }
  const count = units.key.labels.length;
  const visible = tiles.flatMap((ofHead) => queries.map((query) => visibleKeys(ofHead, query, count)));
  const total = visible.reduce((sum, keys) => sum + 1 / keys, 0);
  const value = total / (combine === "mean" ? visible.length : tiles.length);
  if (!Number.isFinite(value) || visible.every((keys) => keys === 1)) return null; // one key has it all
  const [keys] = new Set(visible).size === 1 && (combine === "mean" || queries.length === 1) ? visible : [];
  return { value, label: `even: ${keys ? `1/${keys}` : short(value)}` };
}

/** Which lines are drawn of a text that does not fit its stage, and how much that is of all. */
function drawnOf({ inSight, state }: Context, { sides, edges }: LinesStore, { scene, side, found }: Shown): string {
  const { units, scale, together } = scene;
  const [by, rule] = [inSight.value?.by, inSight.value?.rule];
  if (!by || !rule || !found || !side) return "";
  const own = units[side].of(state.traits[side === "key" ? "keys" : "queries"].value);
  const rows = side === "key" ? own : withPinned(sides.visible.value, own);
  const share = scale.name === WEIGHTS.name && together !== "maximum" ? shareOf(found.rows, rows) : null;
  const [each, others] = side === "key" ? ["key", "queries"] : ["query", "keys"];
  const most =
    rule.count === 1 ? `strongest ${others === "keys" ? "key" : "query"}` : `${rule.count} strongest ${others}`;
  const which = by === "least" ? `${sizesOf(scale)} ≥ ${roughly(rule.least)}` : `the ${most} of each ${each}`;
  const what = side === "key" ? `of what ${own.length === 1 ? "it gets" : "they get"}` : "of the weight in sight";
  const { dropped } = edges.value;
  return [
    share === null ? which : `${which}: ${percent(share)} ${what}`,
    dropped > 0 && `${rule.count} of each at most, ${dropped.toLocaleString("en")} left out`,
  ]
    .filter(Boolean)
    .join(" · ");
}

/** Whether what is left out is so in the numbers, too: of a long text only in those of one query. */
function numbersLeaveOut(scene: Scene, focus: Focus | null): boolean {
  if (scene.isWhole || !focus) return true;
  const side = shadedSide(focus);
  return leavesOut(scene, side, (side === "key" ? focus.queries : focus.keys) ?? []);
}

/** Whether the mask hides anything here: of a long text, from what is in focus. */
const isMasked = ({ profile }: Context, { masked, isWhole }: Scene): boolean =>
  isWhole ? masked : (profile.value?.given.some(isForbidden) ?? false);

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

function meaningOf(scale: Scale, theme: Theme): string {
  const look = theme === "light" ? "thicker, darker" : "thicker, brighter";
  return signsOf(scale, theme) ? `${look} = farther from 0${coloursInWords(scale)}` : `${look} = larger ${scale.label}`;
}
