// What the lines mean, and whose they are.

import { Fragment } from "preact";
import { type Pen, pensFor } from "../../draw/colours";
import { lineOpacity, lineWidth } from "../../draw/lines";
import { type HeadCategories, nameOf, OTHER } from "../../layout/categories";
import { headName } from "../../layout/heads";
import type { Context } from "../../parts/context";
import type { Scene } from "../../source/scene";
import type { Head } from "../../wire/schema";
import type { LinesStore } from "./store";

interface Props {
  context: Context;
  store: LinesStore;
  scene: Scene;
}

export function Legend({ context, store, scene: { heads, masked } }: Props) {
  const categories = context.categories.now.value;
  const pens = pensFor(heads, categories, context.theme.value);
  const { dropped } = store.edges.value;
  const [pen, ...others] = pens;
  return (
    <div class="legend">
      <Wedge colour={pen && others.length === 0 ? pen.colour : "var(--quiet)"} />
      <span>thicker, darker = larger weight</span>
      {heads.length > 1 && <span>numbers: mean of {heads.length} heads</span>}
      {masked && (
        <span>
          <s>token</s> hidden by the mask
        </span>
      )}
      {dropped > 0 && <span>strongest lines only, {dropped.toLocaleString("en")} left out</span>}
      {heads.length > 1 && <HeadNames heads={heads} pens={pens} categories={categories} />}
    </div>
  );
}

/** From no weight to all of it, in the very widths and opacities of the lines. */
function Wedge({ colour }: { colour: string }) {
  const steps = Array.from({ length: 16 }, (_, at) => (at + 0.5) / 16);
  return (
    <svg class="wedge" width="104" height="10" viewBox="0 0 104 10" role="img" aria-label="weight 0 to 1">
      <text x="0" y="9">
        0
      </text>
      {steps.map((weight) => (
        <rect
          key={weight}
          x={10 + weight * 84 - 2.625}
          y={5 - lineWidth(weight) / 2}
          width="5.3"
          height={lineWidth(weight)}
          fill={colour}
          opacity={lineOpacity(weight)}
        />
      ))}
      <text x="97" y="9">
        1
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
