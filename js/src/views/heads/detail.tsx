// Beside the wall: the head that is pointed at, or else the one that is shown, large and in words.

import { effect } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { prepare } from "../../draw/canvas";
import { accent, categoryColour, headColour, signsOf } from "../../draw/colours";
import { createPainter } from "../../draw/pictures";
import { bestOf, nameOf, OTHER } from "../../layout/categories";
import { headName } from "../../layout/heads";
import { briefScore } from "../../layout/numbers";
import type { Context } from "../../parts/context";
import { Swatch } from "../../parts/swatch";
import type { Head, Outline } from "../../wire/schema";
import { open, otherView } from "./open";
import { distanceOf, pairOf } from "./readings";
import type { HeadsStore } from "./store";

const SCORES = 3;

interface Props {
  context: Context;
  store: HeadsStore;
  outline: Outline;
  /** Of the picture, in px. */
  side: number;
}

export function Detail({ context, store, outline, side }: Props) {
  const { state, theme, categories } = context;
  const canvas = useRef<HTMLCanvasElement>(null);
  const head = store.spot.value;
  const now = categories.now.value;
  const pair = pairOf(context, head);

  useLayoutEffect(
    () =>
      effect(() => {
        const element = canvas.current;
        if (!element) return;
        const pen = prepare(element, side, side);
        const one = store.spot.value;
        const shades = store.pictured.value?.problem === "" ? store.shades(one, side) : null;
        if (!shades) return;
        const ink = headColour(categories.now.value, one, theme.value) ?? accent(theme.value);
        const signs = signsOf(state.kernel.pictures.value, theme.value);
        const paint = createPainter(pen, signs, theme.value);
        paint(shades, { ink, strength: 1 }, 0, 0, side, true);
      }),
    [side],
  );

  const label = state.kernel.outline.value?.measures.find(({ name }) => name === state.traits.measure.value)?.label;
  const view = otherView(store);
  return (
    <aside
      class="head-detail"
      data-spot={headName(head)}
      aria-label="one head, larger"
      style={{ "--large": `${side}px` }}
    >
      <div class="head-large">
        <span class="axis">keys →</span>
        <span class="axis down">queries ↓</span>
        <canvas ref={canvas} role="img" aria-label={`${headName(head)}: ${label ?? "numbers"} of all pairs`} />
      </div>
      <div class="head-facts">
        <h3>{headName(head)}</h3>
        {now?.fresh && <Scores context={context} head={head} />}
        {pair && (
          <p>
            <bdi>{pair.query}</bdi> → <bdi>{pair.key}</bdi> <b>{pair.value}</b>
          </p>
        )}
        {distanceOf(store, head) && <p>{distanceOf(store, head)}</p>}
        <p class="head-actions">
          <button type="button" class="small-button" onClick={() => open(context, store, head)}>
            open in {view.slice(0, 1).toUpperCase() + view.slice(1)}
          </button>
          <button
            type="button"
            class="small-button"
            disabled={!outline.kept.includes(head[0])}
            onClick={() => {
              store.reference.value = head;
              store.chosen.value = "similarity";
            }}
          >
            similar heads
          </button>
        </p>
      </div>
    </aside>
  );
}

function Scores({ context, head }: { context: Context; head: Head }) {
  const now = context.categories.now.value;
  const theme = context.theme.value;
  if (!now) return null;
  const main = now.main(head);
  const best = bestOf(now.scores, head, now.list.length).filter(({ category }, at) => at < SCORES || category === main);
  if (best.length > SCORES) best.splice(SCORES - 1, 1);
  return (
    <>
      {main === OTHER && (
        <p class="kind">
          <Swatch categories={now} category={OTHER} theme={theme} /> {nameOf(now, OTHER)}
        </p>
      )}
      {best.map(({ category, score }) => {
        const colour = categoryColour(now, category, theme);
        return (
          <div key={category} class={category === main ? "kind-score main" : "kind-score"}>
            <bdi>{nameOf(now, category)}</bdi>
            <span>{briefScore(score)}</span>
            <i class="bar" style={{ "--score": Math.max(0, score), ...(colour && { "--pen": colour }) }} />
          </div>
        );
      })}
    </>
  );
}
