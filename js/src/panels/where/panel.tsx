// Where does it look? The places where the heads on screen have their largest numbers with what is pinned.

import { headName } from "../../layout/heads";
import { strongestPlaces } from "../../layout/places";
import { exactly, WEIGHTS } from "../../layout/scale";
import { evenOver, spreadInWords } from "../../layout/standing";
import { isForbidden } from "../../layout/tile";
import type { Side, Sides } from "../../layout/units";
import { Around, positionOf } from "../../parts/around";
import type { Context } from "../../parts/context";
import type { Panel, PanelProps } from "../../parts/panel";
import type { Profile } from "../../source/profile";
import type { Scene } from "../../source/scene";
import css from "./where.css";

const LISTED = 6;
const SHORT = 40; // units that are in sight all at once: there the picture says it
const LISTED_SHORT = 3;

function Where({ context }: PanelProps) {
  const { scene, pins, pinned, drawsTiles } = context;
  const [now, at, profile] = [scene.value, pins.value, pinned.value];
  if (!drawsTiles.value || !now || !at || !profile || profile.outline !== now.outline) return null;
  return <Places context={context} scene={now} profile={profile} />;
}

function Places({ context, scene, profile }: { context: Context; scene: Scene; profile: Profile }) {
  const { state, place, hover } = context;
  const { side, values } = profile;
  const { units, scale } = scene;
  const own = units[side];
  const isLong = own.labels.length > SHORT;
  const places = strongestPlaces(values, isLong ? LISTED : LISTED_SHORT);
  const full = Math.max(...places.map(({ share }) => share)) || 1;
  const adds = scale.domain === "share";
  const name = side === "key" ? "keys" : "queries";
  const isPinned = new Set(own.of(state.traits[name].value));
  const pin = (unit: number, add: boolean) => {
    const before = add ? state.traits[name].value : [];
    state.set({ [name]: [...new Set([...before, ...own.tokens(unit)])] });
  };
  const show = (unit: number) => {
    const [token] = own.tokens(unit);
    if (token !== undefined) place.value = { side, token };
  };
  return (
    <section class="where" aria-label="where it looks" data-long={isLong}>
      <h2>
        <Title profile={profile} units={units} />
      </h2>
      <SpanShare context={context} scene={scene} profile={profile} />
      {places.length === 0 && <p class="fine">the mask forbids all of it</p>}
      <ol>
        {places.map(({ unit, value, units: count, share }) => (
          <li key={unit}>
            <button
              type="button"
              class="where-row"
              data-where={unit}
              aria-pressed={isPinned.has(unit)}
              title={
                adds && count > 1
                  ? `with its neighbours, ${count} in all: ${exactly(scale, share)} · Shift pins it`
                  : "show this place · Shift pins it"
              }
              onPointerEnter={() => {
                hover.value = { side, unit };
              }}
              onPointerLeave={() => {
                hover.value = null;
              }}
              onClick={(event) => {
                show(unit);
                if (event.shiftKey) pin(unit, true);
              }}
            >
              <span class="position">{positionOf(own, unit)}</span>
              <Around units={own} unit={unit} />
              <span class="value">{exactly(scale, value)}</span>
              {adds && <i class="place-bar" style={{ "--peak": value / full, "--share": share / full }} />}
            </button>
            <button
              type="button"
              class="small-button pin-place"
              onClick={() => {
                show(unit);
                pin(unit, false);
              }}
            >
              pin
            </button>
          </li>
        ))}
      </ol>
      <p class="fine">{aboutOf(profile, scene, context.state.traits.combine.value)}</p>
    </section>
  );
}

function Title({ profile: { side, of }, units }: { profile: Profile; units: Sides }) {
  const from: Side = side === "key" ? "query" : "key";
  const [first] = of;
  const isOne = of.length === 1 && first !== undefined;
  const who = isOne ? (
    <span class="pinned-pair">
      <bdi>{units[from].labels[first]}</bdi> · {positionOf(units[from], first)}
    </span>
  ) : (
    <span class="pinned-pair">
      {of.length} {from === "query" ? "queries" : "keys"}
    </span>
  );
  return side === "key" ? (
    <>
      Where {who} {isOne ? "looks" : "look"}
    </>
  ) : (
    <>What looks at {who}</>
  );
}

/** What the list is of: whose numbers, and what counts as one place. */
function aboutOf({ heads, of, side }: Profile, { together, scale, leftOut, isWhole }: Scene, combine: string): string {
  const [head] = heads;
  const whose =
    heads.length > 1 ? `${together ?? "mean"} of ${heads.length} heads` : head ? `in ${headName(head)}` : "";
  const taken =
    side === "key" ? (scale.domain === "real" ? "mean" : combine) : scale.domain === "real" ? "mean" : "sum";
  return [
    `${scale.label} ${whose}`,
    of.length > 1 && `${taken} of ${of.length} ${side === "key" ? "queries" : "keys"}`,
    leftOut && !isWhole && "nothing is left out of it",
    "within 3 tokens it is one place",
  ]
    .filter(Boolean)
    .join(" · ");
}

/** With keys pinned besides: the share of the queries' attention that they get together. */
function SpanShare({ context: { pins, state }, scene, profile }: { context: Context; scene: Scene; profile: Profile }) {
  const keys = pins.value?.keys ?? [];
  if (profile.side !== "key" || keys.length < 2 || scale(scene) !== WEIGHTS.name || scene.together === "maximum") {
    return null;
  }
  const values = keys.map((key) => profile.values[key] as number).filter((value) => !isForbidden(value));
  const isSum = state.traits.combine.value === "sum";
  const share = values.reduce((sum, value) => sum + value, 0) / (isSum ? profile.of.length : 1);
  const isOne = profile.of.length === 1;
  const even = isOne && !state.traits.words.value ? evenOver(profile.values, keys) : Number.NaN;
  const spread = spreadInWords(share, even);
  const isSpan = Math.max(...keys) - Math.min(...keys) === keys.length - 1;
  return (
    <p class="span-share" role="status">
      The pinned {isOne ? "query gives" : `${profile.of.length} queries give`}{" "}
      {isSpan ? `this span of ${keys.length}` : `these ${keys.length}`} tokens{" "}
      <b>{share.toFixed(share < 0.1 ? 4 : 2)}</b> of {isOne ? "its" : "their"} attention{isOne ? "" : " on average"}
      {spread && `: ${spread}`}.
    </p>
  );
}

const scale = ({ scale: { name } }: Scene): string => name;

export const where: Panel = { place: "left", css, Component: Where };
