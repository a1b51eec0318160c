// Where does it look? The places where the heads on screen have their largest numbers with what is pinned.

import { useSignal } from "@preact/signals";
import { signOf, signsOf } from "../../draw/colours";
import type { Focus } from "../../layout/focus";
import { howMany, whoseName } from "../../layout/heads";
import { FAR, type Place, REACH, strongestPlaces } from "../../layout/places";
import { addsUp, exactly, mostIn, type Scale, WEIGHTS } from "../../layout/scale";
import { evenOver, spreadInWords } from "../../layout/standing";
import { isForbidden } from "../../layout/tile";
import type { Side, Sides } from "../../layout/units";
import { Around, positionOf } from "../../parts/around";
import { Choice } from "../../parts/choice";
import type { Context } from "../../parts/context";
import type { Panel, PanelProps } from "../../parts/panel";
import { isCheap, type Profile } from "../../source/profile";
import type { Scene } from "../../source/scene";
import { chooseHead } from "../../state/choose-head";
import type { Head } from "../../wire/schema";
import css from "./where.css";

const LISTED = 6;
const MORE = 24;
const SHORT = 40; // units that are in sight all at once: there the picture says it
const LISTED_SHORT = 3;

function Where({ context }: PanelProps) {
  const { scene, pins, pinned, everywhere, looks, drawsTiles } = context;
  const [now, at] = [scene.value, pins.value];
  if (!drawsTiles.value || !now || !at || (pinned.value && pinned.value.outline !== now.outline)) return null;
  const found = looks.everyHead.value && isCheap(at, now.units) ? everywhere.value : pinned.value;
  return <Places context={context} scene={now} profile={found?.outline === now.outline ? found : null} />;
}

/** Whether 0 is none: then a bar says how much. */
const hasBars = ({ domain }: Scale): boolean => domain === "share" || domain === "signed";

interface Props {
  context: Context;
  scene: Scene;
  /** Null while it is on its way. */
  profile: Profile | null;
}

function Places({ context, scene, profile }: Props) {
  const { state, looks, pins } = context;
  const more = useSignal(false);
  const { units } = scene;
  const side: Side = pins.value?.queries ? "key" : "query";
  const own = units[side];
  const isLong = own.labels.length > SHORT;
  const isOneText = units.query === units.key;
  const near =
    isOneText && isLong && looks.far.value ? ((side === "key" ? pins.value?.queries : pins.value?.keys) ?? []) : [];
  const found = profile?.side === side && profile.values.length === own.labels.length ? profile : null;
  const all = found
    ? strongestPlaces(found.values, isLong ? MORE : LISTED_SHORT, scene.scale, near, isLong ? REACH : 0)
    : [];
  const isMaximum = scene.together === "maximum" || Boolean(found?.strongest); // numbers of several heads: no sum of them is one
  const adds = hasBars(scene.scale) && !isMaximum;
  const places = more.value ? all : all.slice(0, LISTED);
  const unitName = state.traits.words.value ? "words" : "tokens";
  const [head] = scene.heads;
  const shown =
    scene.heads.length === 1 && head ? whoseName(scene.scale, head) : howMany(scene.scale, scene.heads.length);
  return (
    <section class="where" aria-label="where it looks" data-long={isLong}>
      <h2>
        <Title pins={pins.value} units={units} scale={scene.scale} />
      </h2>
      {profile && <SpanShare context={context} scene={scene} />}
      {isLong && (
        <p class="where-options">
          {isCheap(pins.value, units) ? (
            <Choice
              label="in"
              names={[shown, "all heads"]}
              chosen={looks.everyHead.value ? "all heads" : shown}
              onChoose={(name) => {
                looks.everyHead.value = name !== shown;
              }}
            />
          ) : (
            <span>in {shown}</span>
          )}
          {isOneText && (
            <label title={`without the ${FAR} ${unitName} on either side of what is pinned`}>
              <input
                type="checkbox"
                checked={looks.far.value}
                onChange={(event) => {
                  looks.far.value = event.currentTarget.checked;
                }}
              />
              far only
            </label>
          )}
        </p>
      )}
      {!profile && <p class="fine">asking the kernel …</p>}
      {found && places.length === 0 && (
        <p class="fine">{near.length > 0 ? "nothing is so far away" : "all of it is forbidden"}</p>
      )}
      <ol class={more.value ? "all" : ""} style={{ "--digits": positionOf(own, own.labels.length - 1).length }}>
        {places.map((one) => (
          <Row
            key={one.unit}
            context={context}
            scene={scene}
            side={side}
            place={one}
            adds={adds}
            full={Math.max(...all.map(({ value, share }) => Math.abs(adds ? share : value))) || 1}
            head={found?.strongest ? (found.heads[found.strongest[one.unit] ?? 0] ?? null) : null}
          />
        ))}
      </ol>
      {all.length > LISTED && (
        <button
          type="button"
          class="more"
          aria-expanded={more.value}
          onClick={() => {
            more.value = !more.value;
          }}
        >
          {more.value ? "only the first" : "more places"}
        </button>
      )}
      {found && (isLong || scene.heads.length > 1) && (
        <p class="fine">{aboutOf(found, scene, state.traits.combine.value, isLong ? unitName : null)}</p>
      )}
    </section>
  );
}

interface RowProps {
  context: Context;
  scene: Scene;
  side: Side;
  place: Place;
  /** Whether the numbers of neighbours add up to a share. */
  adds: boolean;
  /** What fills a bar. */
  full: number;
  /** Of all heads the one whose number it is. */
  head: Head | null;
}

function Row({ context, scene, side, place: { unit, value, units: count, share }, adds, full, head }: RowProps) {
  const { state, place, hover, theme } = context;
  const { scale } = scene;
  const signs = signsOf(scale, theme.value);
  const own = scene.units[side];
  const name = side === "key" ? "keys" : "queries";
  const pinned = state.traits[name].value;
  const tokens = own.tokens(unit);
  const pin = (add: boolean) => state.set({ [name]: [...new Set([...(add ? pinned : []), ...tokens])] });
  const show = () => {
    if (head) chooseHead(state, head, false);
    if (tokens[0] !== undefined) place.value = { side, token: tokens[0] };
  };
  const says = [
    adds && count > 1 && `with its neighbours, ${count} in all: ${exactly(scale, share)}`,
    head ? `show it in ${whoseName(scale, head)}` : "show it",
    "Shift pins it",
  ];
  return (
    <li>
      <button
        type="button"
        class="where-row"
        data-where={unit}
        aria-pressed={tokens.every((token) => pinned.includes(token))}
        title={says.filter(Boolean).join(" · ")}
        onPointerEnter={() => {
          hover.value = { side, unit };
        }}
        onPointerLeave={() => {
          hover.value = null;
        }}
        onClick={(event) => {
          show();
          if (event.shiftKey) pin(true);
        }}
      >
        <span class="position">{positionOf(own, unit)}</span>
        <Around units={own} unit={unit} />
        <span class="value">{exactly(scale, value)}</span>
        {head && <span class="whose">{whoseName(scale, head)}</span>}
        {hasBars(scale) && (
          <i
            class="place-bar"
            style={{
              "--peak": Math.abs(value) / full,
              "--share": Math.abs(adds ? share : value) / full,
              ...(signs && { "--pen": signOf(signs, value) }),
            }}
          />
        )}
      </button>
      <button
        type="button"
        class="small-button pin-place"
        onClick={() => {
          show();
          pin(false);
        }}
      >
        pin
      </button>
    </li>
  );
}

function Title({ pins, units, scale }: { pins: Focus | null; units: Sides; scale: Scale }) {
  const from: Side = pins?.queries ? "query" : "key";
  const of = pins?.queries ?? pins?.keys ?? [];
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
  if (scale.domain === "signed")
    return (
      <>
        {mostIn(scale)} {scale.label}s {from === "query" ? "for" : "of"} {who}
      </>
    );
  return from === "query" ? (
    <>
      Where {who} {isOne ? "looks" : "look"}
    </>
  ) : (
    <>What looks at {who}</>
  );
}

/** What the list is of: whose numbers, and where neighbours are one place what counts as one. */
function aboutOf(
  { heads, of, side, strongest }: Profile,
  { together, scale, leftOut, isWhole }: Scene,
  combine: string,
  unitName: string | null,
) {
  const [head] = heads;
  const count = howMany(scale, heads.length);
  const many = strongest ? `largest in any of ${count}` : `${together ?? "mean"} of ${count}`;
  const isMean = !addsUp(scale);
  return [
    `${scale.label}${heads.length > 1 ? `: ${many}` : head ? ` in ${whoseName(scale, head)}` : ""}`,
    of.length > 1 &&
      `${isMean ? "mean" : side === "key" ? combine : "sum"} of ${of.length} ${side === "key" ? "queries" : "keys"}`,
    leftOut && (!isWhole || strongest) && "nothing is left out of it",
    unitName && `within ${REACH} ${unitName} it is one place`,
  ]
    .filter(Boolean)
    .join(" · ");
}

/** With keys pinned besides: the share of the queries' attention that they get together. */
function SpanShare({ context: { pins, pinned, state }, scene }: { context: Context; scene: Scene }) {
  const keys = pins.value?.keys ?? [];
  const profile = pinned.value;
  const isShare = scene.scale.name === WEIGHTS.name && scene.together !== "maximum";
  if (profile?.side !== "key" || keys.length < 2 || !isShare) return null;
  const values = keys.map((key) => profile.values[key] as number).filter((value) => !isForbidden(value));
  const isSum = state.traits.combine.value === "sum";
  const isOne = profile.of.length === 1;
  const share = values.reduce((sum, value) => sum + value, 0) / (isSum ? profile.of.length : 1);
  const even = isOne && !state.traits.words.value ? evenOver(profile.values, keys) : Number.NaN;
  const spread = spreadInWords(share, even);
  const isSpan = Math.max(...keys) - Math.min(...keys) === keys.length - 1;
  return (
    <p class="span-share" aria-live="polite">
      The pinned {isOne ? "query gives" : `${profile.of.length} queries give`}{" "}
      {isSpan ? `this span of ${keys.length}` : `these ${keys.length}`} {state.traits.words.value ? "words" : "tokens"}{" "}
      <b>{share.toFixed(share < 0.1 ? 4 : 2)}</b> of {isOne ? "its" : "their"} attention
      {isOne ? "" : " on average"}
      {spread && `: ${spread}`}.
    </p>
  );
}

export const where: Panel = { place: "left", css, Component: Where };
