// What was seen when this token was written: a slider over the tokens that the model wrote itself.

import { Fragment } from "preact";
import { howMany, whoseName } from "../../layout/heads";
import { strongestPlaces } from "../../layout/places";
import { exactly, mostIn, WEIGHTS } from "../../layout/scale";
import { pinsOf, queriesOf, stepOf, writtenIn } from "../../layout/written";
import type { Context } from "../../parts/context";
import type { Panel, PanelProps } from "../../parts/panel";
import css from "./written.css";

const LISTED = 3;

function Written({ context }: PanelProps) {
  const { state, place } = context;
  const { queries, words } = state.traits;
  const tokens = queriesOf(state.kernel.outline.value);
  if (!tokens) return null;
  const written = writtenIn(tokens);
  const step = stepOf(written, queries.value, words.value);
  const at = written[step - 1];
  const name = at === undefined ? "none" : tokens.tokens[at];
  const go = (to: number) => {
    state.set(pinsOf(written, to));
    const row = written[to - 1];
    if (row !== undefined) place.value = { side: "query", token: row - 1 };
  };
  return (
    <section class="written reading-line" aria-label="what was seen when a token was written">
      <label>
        <span>written token</span>
        <input
          type="range"
          aria-label="Written token"
          min={0}
          max={written.length}
          value={step}
          aria-valuetext={step ? `${name}, ${step} of ${written.length}` : `none of ${written.length}`}
          onInput={(event) => go(+event.currentTarget.value)}
        />
        <span class="count">
          {step || "–"} of {written.length}
        </span>
      </label>
      <p aria-live="polite">
        {at === undefined ? (
          <span class="hint">move to a token, to see what the model looked at when it wrote it</span>
        ) : (
          <>
            “
            <b>
              <bdi>{name}</bdi>
            </b>
            ” was written from the row of “
            <b>
              <bdi>{tokens.tokens[at - 1]}</bdi>
            </b>
            ”
            <Looks context={context} row={at - 1} />
          </>
        )}
      </p>
    </section>
  );
}

/** At what that row looks most, as the picture has it; only the full stop where that is not at hand. */
function Looks({ context: { scene, pinned, drawsTiles }, row }: { context: Context; row: number }) {
  const [now, profile] = [scene.value, pinned.value];
  const isHere = drawsTiles.value && profile?.side === "key" && profile.outline === now?.outline && !profile.strongest;
  const places =
    isHere && profile.of.length === 1 && profile.of[0] === row
      ? strongestPlaces(profile.values, LISTED, now?.scale ?? WEIGHTS, [], 0)
      : [];
  if (!now || !profile || places.length === 0) return <>.</>;
  const { scale, heads, units, leftOut } = now;
  const [head] = heads;
  const whose =
    heads.length === 1 && head
      ? whoseName(scale, head)
      : `${now.together ?? "mean"} of ${howMany(scale, heads.length)}`;
  return (
    <>
      : {scale.domain === "share" ? "it looks most at" : `its ${mostIn(scale)} ${scale.label}s are on`}
      {places.map(({ unit, value }, nth) => (
        <Fragment key={unit}>
          {" "}
          <span class="seen">
            “<bdi>{units.key.labels[unit]}</bdi>” {exactly(scale, value)}
            {nth < places.length - 1 && ","}
          </span>
        </Fragment>
      ))}{" "}
      <span class="hint">
        ({whose}
        {leftOut && ", what is hidden left out"})
      </span>
    </>
  );
}

export const written: Panel = { place: "reading", css, Component: Written };
