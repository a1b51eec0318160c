// What the lines mean, and whose they are.

import { type Pen, pensFor, SIGNS, type Signs } from "../../draw/colours";
import { lineOpacity, lineWidth } from "../../draw/lines";
import { markPath } from "../../draw/marks";
import type { Theme } from "../../host";
import { type HeadCategories, nameOf, OTHER } from "../../layout/categories";
import type { Combine, Focus } from "../../layout/focus";
import { headName } from "../../layout/heads";
import { short } from "../../layout/numbers";
import { type Scale, WEIGHTS } from "../../layout/scale";
import { visibleKeys } from "../../layout/standing";
import { TOGETHER } from "../../layout/together";
import type { Context } from "../../parts/context";
import { Swatch } from "../../parts/swatch";
import type { Scene } from "../../source/scene";
import type { Head } from "../../wire/schema";
import type { LinesStore } from "./store";

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
  return (
    <div class="legend">
      <Wedge
        scale={scale}
        colour={pen && others.length === 0 ? pen.colour : "var(--quiet)"}
        signs={signs}
        even={evenOf(scene, context.focus.value, combine.value)}
      />
      <span>{meaningOf(scale, theme)}</span>
      {together ? (
        <span class="taken">
          each line:
          <Small
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
          <Small
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
          <s>token</s> hidden by the mask
        </span>
      )}
      {leftOut && (
        <span>
          left out: {leftOutOf(scene)}; the rest of each row scaled up
          {tiles.some((ofHead, at) => ofHead.length < (given[at]?.length ?? 0)) && ", lines of the queries in sight"}
        </span>
      )}
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
  if (!Number.isFinite(value)) return null;
  const [keys] = new Set(visible).size === 1 && (combine === "mean" || queries.length === 1) ? visible : [];
  return { value, label: `even: ${keys ? `1/${keys}` : short(value)}` };
}

function leftOutOf({ leftOut, units }: Scene): string {
  const names = [leftOut?.self && "each token’s own weight", leftOut?.first && `that on ${units.key.labels[0]}`];
  return names.filter(Boolean).join(" and ");
}

function meaningOf({ domain, label }: Scale, theme: Theme): string {
  const look = theme === "light" ? "thicker, darker" : "thicker, brighter";
  return domain === "real" ? `${look} = farther from 0 · red above, blue below` : `${look} = larger ${label}`;
}

interface SmallProps<T extends string> {
  label: string;
  names: readonly T[];
  chosen: T;
  onChoose(name: T): void;
}

/** A choice within a sentence. */
function Small<T extends string>({ label, names, chosen, onChoose }: SmallProps<T>) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is no part of a sentence
    <span role="group" aria-label={label}>
      {names.map((name) => (
        <button
          key={name}
          type="button"
          class="small-button"
          aria-pressed={name === chosen}
          onClick={() => onChoose(name)}
        >
          {name}
        </button>
      ))}
    </span>
  );
}

/** A weight marked on the scale. */
interface Even {
  value: number;
  label: string;
}

interface WedgeProps {
  scale: Scale;
  colour: string;
  signs: Signs | null;
  even: Even | null;
}

const [LENGTH, HIGH, BELOW, LETTER] = [84, 10, 9, 7]; // px

/** From one end of the scale to the other, in the very widths and opacities of the lines. */
function Wedge({ scale: { limit, label }, colour, signs, even }: WedgeProps) {
  const places = Array.from({ length: 16 }, (_, at) => (at + 0.5) / 16);
  const [low, high] = [signs ? short(-limit) : "0", limit === 1 ? "1" : short(limit)];
  const start = LETTER * low.length + 4;
  const width = start + LENGTH + LETTER * high.length + 4;
  const mark = even && start + Math.min(1, even.value) * LENGTH;
  return (
    <svg
      class="wedge"
      width={width}
      height={HIGH + BELOW}
      viewBox={`0 0 ${width} ${HIGH + BELOW}`}
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
      {even && mark !== null && (
        <g class="even">
          <title>what each key would get if all that the query sees got the same</title>
          <line x1={mark} x2={mark} y1="0" y2={HIGH + BELOW - 1} />
          <text
            x={mark < start + LENGTH / 2 ? mark + 3 : mark - 3}
            y={HIGH + BELOW - 1}
            text-anchor={mark < start + LENGTH / 2 ? "start" : "end"}
          >
            {even.label}
          </text>
        </g>
      )}
    </svg>
  );
}

/** The kinds that lines are coloured by: each pair's strongest head has one. */
function Kinds({ heads, categories, theme }: { heads: Head[]; categories: HeadCategories; theme: Theme }) {
  const counts = new Map<number, number>();
  for (const head of heads) {
    const main = categories.main(head);
    if (main >= OTHER) counts.set(main, (counts.get(main) ?? 0) + 1);
  }
  return (
    <span class="head-names measured" data-fresh={categories.fresh}>
      <span>colour: the kind of the head that is strongest on the pair</span>
      {[...counts].map(([category, count]) => (
        <span key={category}>
          <Swatch categories={categories} category={category} theme={theme} />
          <bdi>{nameOf(categories, category)}</bdi> {count}
        </span>
      ))}
    </span>
  );
}

interface NamesProps {
  heads: Head[];
  pens: Pen[];
  categories: HeadCategories | null;
  /** Whether colour tells a number's sign, and the marks alone whose it is. */
  signed: boolean;
}

/** The lines of a pair from top to bottom, each with its mark, its head and that one's category. */
function HeadNames({ heads, pens, categories, signed }: NamesProps) {
  return (
    <span class="head-names">
      {heads.map((head, at) => {
        const main = categories?.fresh ? categories.main(head) : null;
        const { colour, mark } = pens[at] as Pen;
        const paint = signed ? "var(--quiet)" : colour;
        return (
          <span key={headName(head)}>
            <svg width="26" height="10" aria-hidden="true">
              <line x1="8" x2="26" y1="5" y2="5" stroke={paint} stroke-width="2.5" />
              <path d={markPath(mark, 5, 5, 3.6)} fill={paint} />
            </svg>
            {headName(head)}
            {categories && main !== null && main >= OTHER && <bdi>{nameOf(categories, main)}</bdi>}
          </span>
        );
      })}
    </span>
  );
}
