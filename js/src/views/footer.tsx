// One line below the picture: what is hovered or pinned, what the lines mean, what is shown.

import type { ReadonlySignal } from "@preact/signals";
import { Fragment } from "preact";
import { type Pen, pensFor } from "../draw/colours";
import { lineOpacity, lineWidth } from "../draw/lines";
import type { Theme } from "../host";
import { type Labels, nameOf } from "../labels";
import { OTHER } from "../layout/categories";
import type { State } from "../state";
import type { Head } from "../wire/protocol";
import { headName, type Saying } from "./words";

interface Props {
  state: State;
  labels: ReadonlySignal<Labels | null>;
  theme: ReadonlySignal<Theme>;
  saying: Saying[];
  hidden: number;
  masked: boolean;
}

export function Footer({ state, labels, theme, saying, hidden, masked }: Props) {
  const { heads, threshold, words } = state.traits;
  const pens = pensFor(heads.value, labels.value, theme.value);
  return (
    <footer>
      <p role="status" class="saying">
        {saying.length === 0 ? (
          <span class="hint">hover a token or a line to read its weight, click to pin</span>
        ) : (
          saying.map(({ head, query, key, value, note }) => (
            <Fragment key={head}>
              <span>{head} </span>
              {query && (
                <b class="said-pair">
                  <bdi>{query}</bdi>{" "}
                  {key && (
                    <>
                      → <bdi>{key}</bdi>{" "}
                    </>
                  )}
                </b>
              )}
              <b>{value} </b>
              <span class="hint">{note} </span>
            </Fragment>
          ))
        )}
      </p>
      <div class="controls">
        <label>
          <input
            type="checkbox"
            checked={words.value}
            onChange={(event) => state.set({ words: event.currentTarget.checked })}
          />
          whole words
        </label>
        <label class="threshold">
          <span>
            weights ≥ {roughly(threshold.value)}
            {hidden > 0 && ` · strongest lines only, ${hidden.toLocaleString("en")} left out`}
          </span>
          <input
            type="range"
            aria-label="Threshold"
            min="0"
            max="1"
            step="0.01"
            value={toSlider(threshold.value)}
            onInput={(event) => state.set({ threshold: fromSlider(+event.currentTarget.value) })}
          />
        </label>
      </div>
      <div class="legend">
        <Wedge colour={pens.length > 1 ? "var(--quiet)" : (pens[0] as Pen).colour} />
        <span>thicker, darker = larger weight</span>
        {heads.value.length > 1 && <span>numbers: mean of {heads.value.length} heads</span>}
        {masked && (
          <span>
            <s>token</s> hidden by the mask
          </span>
        )}
        {heads.value.length > 1 && <HeadNames heads={heads.value} pens={pens} labels={labels.value} />}
      </div>
    </footer>
  );
}

// Most weights are small: the slider gives them the larger part of its way.
const toSlider = (threshold: number): number => threshold ** (1 / 3);
const fromSlider = (place: number): number => Number((place ** 3).toPrecision(3));

const roughly = (value: number): string =>
  value > 0 && value < 0.001 ? value.toExponential(0) : String(Number(value.toPrecision(2)));

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
function HeadNames({ heads, pens, labels }: { heads: Head[]; pens: Pen[]; labels: Labels | null }) {
  const groups = new Map<string, number[]>();
  heads.slice(0, NAMED).forEach((head, at) => {
    const main = labels?.fresh ? labels.main(head) : null;
    const name = labels && main !== null && main >= OTHER ? nameOf(labels, main) : "";
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
