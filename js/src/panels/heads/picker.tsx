// All heads as a grid of small pictures.

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { accent, headColour, pensFor, signOf, signsOf } from "../../draw/colours";
import { drawPictures } from "../../draw/pictures";
import { type HeadCategories, nameOf, OTHER, scoreOf, UNKNOWN } from "../../layout/categories";
import { whyNoNumber } from "../../layout/comparison";
import { gridOf, LABEL } from "../../layout/head-grid";
import { headName, whoseName } from "../../layout/heads";
import { briefScore } from "../../layout/numbers";
import { fullBar, numberIn, ranked } from "../../layout/ranking";
import { exactly, scaleNamed } from "../../layout/scale";
import { isForbidden } from "../../layout/tile";
import { queryLabel, type Side, tokensOf } from "../../layout/units";
import type { Context } from "../../parts/context";
import { handOver } from "../../parts/keep-focus";
import type { Panel, PanelProps } from "../../parts/panel";
import { chooseHead, chooseLayer } from "../../state/choose-head";
import { decodeArray } from "../../wire/decode";
import type { Head, Outline } from "../../wire/schema";
import css from "./picker.css";

const SAID = 3; // pinned tokens named one by one
const DIMMED = 0.18; // heads outside the category that the view is limited to

function Picker({ context }: PanelProps) {
  const outline = context.onScreen.value?.outline;
  const problem = context.state.kernel.pictures.value;
  const isFilled = (context.ranking.value?.values.length ?? 0) > 0; // with a pair's numbers, in place of pictures
  return (
    <>
      <h2>
        Heads
        <Pinned context={context} />
      </h2>
      {outline && <HeadGrid context={context} outline={outline} />}
      {outline && problem?.run === outline.run && !isFilled && (
        <p class="fine">{problem.problem || sampledInWords(problem.sampled, outline)}</p>
      )}
    </>
  );
}

/** Of how many queries of a long text the pictures are drawn; empty where it is all of them. */
function sampledInWords(sampled: number | null, { queries }: Outline): string {
  if (sampled === null) return "";
  const of = tokensOf(queries).tokens.length.toLocaleString("en");
  return `sampled: ${sampled.toLocaleString("en")} of ${of} queries`;
}

/** " on it → animal": what the grid is about while something is pinned. */
function Pinned({ context: { ranking, state } }: PanelProps) {
  const [now, units] = [ranking.value, state.units.value];
  if (!now || !units) return null;
  const said = (side: Side, tokens: number[]) => {
    const rows = units[side].of(tokens);
    const labels = rows.map((row) => (side === "query" ? queryLabel(units.query, row, " ▸ ") : units.key.labels[row]));
    return labels.length > SAID ? `${labels.length} tokens` : labels.join(" ");
  };
  return (
    <span class="pinned-pair">
      {" on "}
      {now.queries.length > 0 ? <bdi>{said("query", now.queries)}</bdi> : "…"}
      {" → "}
      {now.keys.length > 0 ? <bdi>{said("key", now.keys)}</bdi> : "…"}{" "}
      <button
        type="button"
        class="unpin"
        aria-label="unpin"
        title="back to the heads’ pictures (Escape)"
        onClick={(event) => {
          handOver(event.currentTarget);
          state.set({ queries: [], keys: [] });
        }}
      >
        ×
      </button>
    </span>
  );
}

function HeadGrid({ context, outline }: { context: Context; outline: Outline }) {
  const { state, theme, ranking } = context;
  const { now: categories, within } = context.categories;
  const canvas = useRef<HTMLCanvasElement>(null);
  const { layers, heads } = outline;
  const kept = new Set(outline.kept);
  const isOff = new Set(outline.off.map(headName));
  const { cell, gap } = gridOf(heads);
  const selected = useComputed(() => {
    const shown = state.traits.heads.value;
    const pens = pensFor(shown, categories.value, theme.value);
    return new Map(shown.map((head, at) => [headName(head), shown.length > 1 ? pens[at]?.colour : ""]));
  });
  const isDimmed = (name: string) => within.value !== null && !within.value.has(name);
  const mounted = useSignal(false);
  mounted.value = true;
  // While something is pinned the cells hold its numbers in place of the heads' pictures.
  const pair = ranking.value && ranking.value.values.length > 0 ? ranking.value : null;
  const scale = pair && scaleNamed(outline, pair.measure);
  const full = pair && scale ? fullBar(ranked(pair, scale), scale.domain === "share") : 1;
  const numberOf = (head: Head) => {
    if (!pair || !scale) return null;
    const value = numberIn(pair, head);
    if (isForbidden(value))
      return { look: "filled off-limits", said: whyNoNumber(outline, scale, pair.queries, pair.keys), style: {} };
    const signs = signsOf(scale, theme.value);
    const colour = signs && { "--ink": signOf(signs, value) };
    const style = { "--strength": Math.min(1, Math.abs(value) / full) || 0, ...colour };
    const whose = scale.of === "head" ? "" : `${whoseName(scale, head)}: `;
    return { look: "filled", said: `${whose}${exactly(scale, value)}`, style };
  };

  useSignalEffect(() => {
    const pictures = state.kernel.pictures.value;
    if (!canvas.current || !pictures || !mounted.value) return;
    if (pictures.run !== state.kernel.outline.value?.run) return; // of the text before
    if (pictures.problem) {
      canvas.current.width = 0; // those of another measure
      return;
    }
    const decoded = decodeArray({ ...pictures, dtype: "uint8" });
    const look = (head: Head) => ({
      ink: headColour(categories.value, head, theme.value) ?? accent(theme.value),
      strength: isDimmed(headName(head)) ? DIMMED : 1,
    });
    const signs = signsOf(pictures, theme.value);
    drawPictures(canvas.current, decoded, { cell, gap }, look, theme.value, signs);
  });

  const onKeyDown = (event: KeyboardEvent, [layer, head]: Head) => {
    const to = {
      ArrowUp: [outline.kept.filter((one) => one < layer).at(-1) ?? -1, head],
      ArrowDown: [outline.kept.find((one) => one > layer) ?? -1, head],
      ArrowLeft: [layer, head - 1],
      ArrowRight: [layer, head + 1],
    }[event.key] as Head | undefined;
    if (!to) return;
    event.preventDefault();
    if (to[0] < 0 || to[1] < 0 || to[1] >= heads) return;
    chooseHead(state, to, event.shiftKey);
    const grid = (event.currentTarget as Element).closest(".picker") as Element;
    grid.querySelector<HTMLElement>(`[data-head="${headName(to)}"]`)?.focus();
  };

  const entry = headName(state.traits.heads.value.at(-1) ?? [0, 0]);
  const range = (length: number) => Array.from({ length }, (_, at) => at);
  const every = cell >= 15 ? 1 : 4; // head numbers that fit
  return (
    <div class="picker" style={{ "--cell": `${cell}px`, "--gap": `${gap}px` }}>
      <div class="picker-row head-numbers" aria-hidden="true">
        <span class="layer" />
        {range(heads).map((head) => (
          <span key={head}>{head % every === 0 ? head : ""}</span>
        ))}
      </div>
      <div class="picker-body">
        <canvas ref={canvas} hidden={pair !== null} style={{ left: `${LABEL}px` }} />
        {range(layers).map((layer) => (
          // biome-ignore lint/a11y/useSemanticElements: a fieldset is no grid row
          <div
            class={kept.has(layer) ? "picker-row" : "picker-row absent"}
            key={layer}
            role="group"
            aria-label={`layer ${layer}`}
          >
            <button
              type="button"
              class="layer"
              tabIndex={layer === state.traits.layer.value ? 0 : -1}
              disabled={!kept.has(layer)}
              title={kept.has(layer) ? `all heads of layer ${layer} · Shift adds them` : absent(layer)}
              aria-label={kept.has(layer) ? `all heads of layer ${layer}` : absent(layer)}
              onClick={(event) => chooseLayer(state, layer, heads, event.shiftKey)}
              onKeyDown={onLayerKeyDown}
            >
              {layer}
            </button>
            {range(heads).map((head) => {
              const name = headName([layer, head]);
              const number = numberOf([layer, head]);
              const said = kept.has(layer)
                ? [describe(categories.value, [layer, head]), number?.said, isOff.has(name) && "switched off"]
                    .filter(Boolean)
                    .join(" · ")
                : `${name}: ${absent(layer)}`;
              const pen = selected.value.get(name);
              const off = isOff.has(name);
              return (
                <button
                  type="button"
                  key={head}
                  class={["cell", isDimmed(name) && "dimmed", off && "off", number?.look].filter(Boolean).join(" ")}
                  data-head={name}
                  disabled={!kept.has(layer)}
                  aria-pressed={selected.value.has(name)}
                  aria-label={said}
                  title={said}
                  tabIndex={name === entry ? 0 : -1}
                  style={{ ...number?.style, ...(pen && { "--pen": pen }) }}
                  onClick={(event) => chooseHead(state, [layer, head], event.shiftKey)}
                  onKeyDown={(event) => onKeyDown(event, [layer, head])}
                />
              );
            })}
          </div>
        ))}
      </div>
    </div>
  );
}

const absent = (layer: number): string => `layer ${layer} was left out of this trace`;

/** From one layer's number to the next. */
function onLayerKeyDown(event: KeyboardEvent): void {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const here = event.currentTarget as Element;
  const all = [...(here.closest(".picker") as Element).querySelectorAll<HTMLElement>("button.layer:enabled")];
  all[all.indexOf(here as HTMLElement) + step]?.focus();
}

/** A head by its name, and what it is as far as that is known: "L1-H2, Previous-Token .99". */
function describe(categories: HeadCategories | null, head: Head): string {
  const main = categories?.fresh ? categories.main(head) : UNKNOWN;
  if (!categories || main === UNKNOWN) return headName(head);
  const score = main === OTHER ? "" : ` ${briefScore(scoreOf(categories.scores, main, head))}`;
  return `${headName(head)}, ${nameOf(categories, main)}${score}`;
}

const NAMED = 3;

function Summary({ context: { onScreen } }: PanelProps) {
  const heads = onScreen.value?.heads ?? [];
  return (
    <>
      Heads · {heads.slice(0, NAMED).map(headName).join(", ")}
      {heads.length > NAMED && ` + ${heads.length - NAMED}`}
    </>
  );
}

export const headPicker: Panel = { place: "left", css, Component: Picker, Summary };
