// What the lines mean, and whose they are.

import { Fragment } from "preact";
import { type Pen, SIGNS, type Signs } from "../../draw/colours";
import { lineOpacity, lineWidth } from "../../draw/lines";
import type { Theme } from "../../host";
import { type HeadCategories, nameOf, OTHER } from "../../layout/categories";
import { headName } from "../../layout/heads";
import { short } from "../../layout/numbers";
import type { Scale } from "../../layout/scale";
import type { Sides } from "../../layout/units";
import type { Context } from "../../parts/context";
import type { Scene } from "../../source/scene";
import type { Head } from "../../wire/schema";
import { linePens } from "./pens";
import type { LinesStore } from "./store";

interface Props {
  context: Context;
  store: LinesStore;
  scene: Scene;
}

export function Legend({ context, store, scene }: Props) {
  const { heads, masked, scale } = scene;
  const categories = context.categories.now.value;
  const pens = linePens(scene, categories, context.theme.value);
  const { dropped } = store.edges.value;
  const [pen, ...others] = pens;
  const signs = scale.domain === "real" ? SIGNS[context.theme.value] : null;
  return (
    <div class="legend">
      <Wedge scale={scale} colour={pen && others.length === 0 ? pen.colour : "var(--quiet)"} signs={signs} />
      <span>{meaningOf(scale, context.theme.value)}</span>
      {heads.length > 1 && <span>numbers: mean of {heads.length} heads</span>}
      {masked && (
        <span>
          <s>token</s> hidden by the mask
        </span>
      )}
      <Lettering units={scene.units} />
      {dropped > 0 && <span>strongest lines only, {dropped.toLocaleString("en")} left out</span>}
      {heads.length > 1 && <HeadNames heads={heads} pens={pens} categories={categories} />}
    </div>
  );
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

interface WedgeProps {
  scale: Scale;
  colour: string;
  signs: Signs | null;
}

const [LENGTH, HIGH, LETTER] = [84, 10, 7]; // px

/** From one end of the scale to the other, in the very widths and opacities of the lines. */
function Wedge({ scale: { limit, label }, colour, signs }: WedgeProps) {
  const places = Array.from({ length: 16 }, (_, at) => (at + 0.5) / 16);
  const [low, high] = [signs ? short(-limit) : "0", limit === 1 ? "1" : short(limit)];
  const start = LETTER * low.length + 4;
  const width = start + LENGTH + LETTER * high.length + 4;
  return (
    <svg
      class="wedge"
      width={width}
      height={HIGH}
      viewBox={`0 0 ${width} ${HIGH}`}
      role="img"
      aria-label={`${label} ${low} to ${high}`}
    >
      <text x={start - 4} y="9" text-anchor="end">
        {low}
      </text>
      {places.map((place) => {
        const value = signs ? 2 * place - 1 : place;
        const strength = Math.abs(value);
        return (
          <rect
            key={place}
            x={start + place * LENGTH - LENGTH / 32}
            y={HIGH / 2 - lineWidth(strength) / 2}
            width={LENGTH / 16 + 0.05}
            height={lineWidth(strength)}
            fill={signs ? signs[value < 0 ? "negative" : "positive"] : colour}
            opacity={lineOpacity(strength)}
          />
        );
      })}
      <text x={start + LENGTH + 4} y="9">
        {high}
      </text>
    </svg>
  );
}

const NAMED = 8;

/** Heads of one category stand together, after its name. */
function HeadNames({ heads, pens, categories }: { heads: Head[]; pens: Pen[]; categories: HeadCategories | null }) {
  const groups = new Map<string, number[]>();
  heads.slice(0, NAMED).forEach((head, at) => {
    const main = categories?.fresh ? categories.main(head) : null;
    const name = categories && main !== null && main >= OTHER ? nameOf(categories, main) : "";
    groups.set(name, [...(groups.get(name) ?? []), at]);
  });
  return (
    <span class="head-names" title={heads.map(headName).join(", ")}>
      {[...groups].map(([name, members]) => (
        <Fragment key={name}>
          {name && <bdi>{name}:</bdi>}
          {members.map((at) => (
            <span key={at}>
              <svg width="18" height="4" aria-hidden="true">
                <line
                  x2="18"
                  y1="2"
                  y2="2"
                  stroke={pens[at]?.colour}
                  stroke-width="3"
                  stroke-dasharray={pens[at]?.dash.join(" ")}
                />
              </svg>
              {headName(heads[at] as Head)}
            </span>
          ))}
        </Fragment>
      ))}
      {heads.length > NAMED && <span>and {heads.length - NAMED} more</span>}
    </span>
  );
}
