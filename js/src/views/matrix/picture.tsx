// The matrix: cells on one canvas, what stands around them and is pointed at on another in front.

import { effect } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { prepare } from "../../draw/canvas";
import { drawCells, drawFrames, drawSides, type Frame, type Look, type Strip } from "../../draw/matrix";
import { inColumns } from "../../layout/cells";
import { howTaken } from "../../layout/focus";
import { headName } from "../../layout/heads";
import { bring, CELL_MAX, stageOf, xOf, yOf, zoomAt } from "../../layout/matrix";
import { figure } from "../../layout/numbers";
import { hasSigns } from "../../layout/scale";
import type { Span } from "../../layout/tile";
import { queryLabel, type Side } from "../../layout/units";
import type { Context } from "../../parts/context";
import type { Scene } from "../../source/scene";
import { UNWANTED } from "../../wire/client";
import { followGestures } from "./gestures";
import { Exactness, Line } from "./line";
import type { MatrixStore, Pair, Plan } from "./store";

interface Props {
  context: Context;
  store: MatrixStore;
  scene: Scene;
  onDrawn(scene: Scene, plan: Plan): void;
}

export function Picture({ context, store, scene, onDrawn }: Props) {
  const { state, hover, place } = context;
  const { plan, sight, cursor, strongest } = store;
  const stage = useRef<HTMLDivElement>(null);
  const base = useRef<HTMLCanvasElement>(null);
  const front = useRef<HTMLCanvasElement>(null);
  const ground = useRef<HTMLDivElement>(null);
  // Read once: a frame that grows with its content would else follow the picture, and the picture it.
  const windowHeight = useMemo(() => window.innerHeight, []);

  const pin = (pair: Pair | null, add: boolean) => {
    const { queries, keys } = state.traits;
    const { units } = context.scene.peek() ?? scene;
    if (!pair) {
      if (!add && queries.value.length + keys.value.length > 0) state.set({ queries: [], keys: [] });
      return;
    }
    const at = strongest.peek();
    const isSame =
      at &&
      pair.query >= at.of.queries[0] &&
      pair.query < at.of.queries[1] &&
      pair.key >= at.of.keys[0] &&
      pair.key < at.of.keys[1];
    const { query, key } = isSame ? at : pair;
    const [own, other] = [units.query.tokens(query), units.key.tokens(key)];
    const isPinned = own.every((one) => queries.value.includes(one)) && other.every((one) => keys.value.includes(one));
    const both = (before: number[], more: number[]) => [...new Set([...before, ...more])];
    if (add) state.set({ queries: both(queries.value, own), keys: both(keys.value, other) });
    else if (isPinned && queries.value.length === own.length) state.set({ queries: [], keys: [] });
    else state.set({ queries: own, keys: other });
  };

  useLayoutEffect(() => {
    const element = stage.current as HTMLDivElement;
    const ended = new AbortController();
    let painted = "";
    const measure = () => {
      const width = element.clientWidth;
      if (store.size.peek().width !== width) store.size.value = { width, height: stageOf(windowHeight, width) };
    };
    const observer = new ResizeObserver(measure);
    measure();
    observer.observe(element);
    const moves = {
      now: plan.peek.bind(plan),
      look: (next: typeof sight.value) => {
        sight.value = next;
      },
      point: (pair: Pair | null) => {
        cursor.value = pair && store.cellOf(pair);
      },
      pin,
    };
    followGestures(ground.current as HTMLDivElement, moves, ended.signal);
    const stops = [
      effect(() => {
        const on = cursor.value;
        const best = strongest.value;
        const pair = best && best.of === on ? best : on;
        hover.value = pair && { side: "line", query: pair.query, key: pair.key, head: 0 };
      }),
      effect(() => {
        const now = plan.value;
        const canvas = base.current;
        if (!now || !canvas) return;
        store.cells.want(now.wanted);
        const place = JSON.stringify([context.scene.peek()?.outline.run, now.stage, now.at]);
        const isEmpty = now.here.length + now.coarser.length === 0;
        canvas.classList.toggle("waiting", isEmpty);
        if (isEmpty && place === painted) return; // of another head or measure: it stays, faded, until this one's is here
        painted = place;
        const { width, height } = now.stage;
        drawCells(canvas, now.at, [width, height], [...now.coarser, ...now.here], now.ink, lookOf(canvas, now));
        const drawn = context.scene.peek();
        if (drawn) onDrawn(drawn, now);
      }),
      effect(() => {
        const now = plan.value;
        const drawn = context.scene.value;
        const canvas = front.current;
        if (now && drawn && canvas) drawFront(canvas, context, store, drawn, now);
      }),
      // What somebody asked to see, or pinned elsewhere, comes into sight.
      effect(() => {
        const to = place.value;
        const units = context.scene.peek()?.units;
        const now = plan.peek();
        const unit = to && units?.[to.side].of([to.token])[0];
        if (to === store.place) return; // seen before another view was
        store.place = to;
        if (now && to && unit !== undefined) sight.value = bring(now.stage, now.at, { [to.side]: unit }, true);
      }),
      effect(() => {
        const { queries, keys } = state.traits;
        const units = context.scene.peek()?.units;
        const now = plan.peek();
        if (!now || !units) return;
        const [query] = units.query.of(queries.value);
        const [key] = units.key.of(keys.value);
        if (query !== undefined || key !== undefined) {
          sight.value = bring(
            now.stage,
            now.at,
            { ...(query !== undefined && { query }), ...(key !== undefined && { key }) },
            true,
          );
        }
      }),
    ];
    return () => {
      observer.disconnect();
      ended.abort(UNWANTED);
      for (const stop of stops) stop();
      store.cells.want([]);
      cursor.value = null;
    };
  }, []);

  const onKeyDown = (event: KeyboardEvent) => {
    const now = plan.peek();
    if (!now || event.ctrlKey || event.metaKey || event.altKey) return;
    const { stage, at, level } = now;
    const cell = 2 ** level * (event.shiftKey ? 10 : 1);
    const on = cursor.peek();
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (step) {
      const from = on ?? {
        query: now.sight.query[0] - (step[0] as number) * cell,
        key: now.sight.key[0] - (step[1] as number) * cell,
      };
      const within = (unit: number, count: number) => Math.max(0, Math.min(count - 1, unit));
      const to = {
        query: within(from.query + (step[0] as number) * cell, stage.queries),
        key: within(from.key + (step[1] as number) * cell, stage.keys),
      };
      sight.value = bring(stage, at, to);
      cursor.value = store.cellOf(to);
    } else if (event.key === "+" || event.key === "=" || event.key === "-") {
      zoom(event.key === "-" ? 1 / 1.5 : 1.5);
    } else if (event.key === "0" || event.key === "Home") {
      sight.value = null;
    } else if (event.key === "Enter" || event.key === " ") {
      if (on) pin(on, event.shiftKey);
    } else {
      return;
    }
    event.preventDefault();
  };

  /** Around the crosshair, else what is pinned, where that is in sight, else the middle. */
  const zoom = (factor: number) => {
    const now = plan.peek();
    if (!now) return;
    const { at, stage } = now;
    const on = cursor.peek();
    const { queries, keys } = context.state.traits;
    const spot = (side: Side, tokens: number[]) => {
      const [start, stop] = now.sight[side];
      const pinned = scene.units[side].of(tokens).find((unit) => unit >= start && unit < stop);
      return on?.[side] ?? pinned;
    };
    const [key, query] = [spot("key", keys.peek()), spot("query", queries.peek())];
    const x = key === undefined ? at.left + at.width / 2 : xOf(at, key + 0.5);
    const y = query === undefined ? at.top + at.height / 2 : yOf(at, query + 0.5);
    sight.value = zoomAt(stage, at, factor, x, y);
    if (on) cursor.value = store.cellOf(on);
  };

  const { step, refining } = store.cells.progress.value;
  const { heads, units, scale } = scene;
  const counts = `${units.query.labels.length} queries × ${units.key.labels.length} keys`;
  return (
    <div
      class="matrix-view"
      data-exact={step === 1}
      data-refining={refining}
      data-level={plan.value?.level}
      data-strongest={strongest.value !== null}
    >
      <Line
        context={context}
        store={store}
        scene={scene}
        zoom={zoom}
        canZoom={[!plan.value?.at.isWhole, (plan.value?.at.zoom ?? 0) < CELL_MAX]}
      />
      <div class="matrix-stage" ref={stage} style={{ height: `${store.size.value.height}px` }}>
        <canvas ref={base} />
        <div
          ref={ground}
          class={plan.value?.at.isWhole ? "matrix-ground whole" : "matrix-ground"}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: an application takes keys
          tabIndex={0}
          role="application"
          aria-roledescription="matrix"
          aria-label={`${scale.label}s of ${heads.map(headName).slice(0, 3).join(", ")}: ${counts}. ${KEYS}`}
          onKeyDown={onKeyDown}
          onBlur={() => {
            cursor.value = null;
          }}
        >
          <canvas ref={front} />
        </div>
        <Exactness store={store} />
      </div>
    </div>
  );
}

const KEYS = "Arrow keys move, plus and minus zoom, 0 shows all, Enter pins.";

function lookOf(canvas: HTMLCanvasElement, { ink }: Plan): Look {
  const style = getComputedStyle(canvas);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  return {
    theme: ink.theme,
    text: style.color,
    quiet: colour("--quiet"),
    accent: colour("--accent"),
    font: style.fontFamily,
  };
}

function drawFront(canvas: HTMLCanvasElement, context: Context, store: MatrixStore, scene: Scene, now: Plan): void {
  const { focus, state } = context;
  const { stage, at, sight, level } = now;
  const { units, scale } = scene;
  const pen = prepare(canvas, stage.width, stage.height);
  const look = lookOf(canvas, now);
  const pinned = {
    query: units.query.of(state.traits.queries.value),
    key: units.key.of(state.traits.keys.value),
  };
  const on = store.cursor.value;
  const focused = focus.value;
  drawSides(
    pen,
    at,
    {
      sight,
      cell: 2 ** level,
      label: (side, unit) => (side === "query" ? queryLabel(units.query, unit, " ▸ ") : (units.key.labels[unit] ?? "")),
      isWritten: (side, unit) => units[side].generated[unit] === true,
      strong: { query: new Set(focused?.queries ?? pinned.query), key: new Set(focused?.keys ?? pinned.key) },
      strips: [meanStrip(now.means, look), profileStrip(context, scene, now)],
      signed: hasSigns(scale),
    },
    look,
  );
  const all = { queries: [0, stage.queries] as Span, keys: [0, stage.keys] as Span };
  const frames: Frame[] = [];
  const near = (side: "query" | "key") =>
    pinned[side].filter((unit) => unit + 1 >= sight[side][0] && unit <= sight[side][1]).slice(0, 200);
  for (const unit of near("query")) frames.push({ ...all, queries: [unit, unit + 1], kind: "pin" });
  for (const unit of near("key")) frames.push({ ...all, keys: [unit, unit + 1], kind: "pin" });
  if (on) {
    frames.push({ ...all, queries: on.queries, kind: "band" }, { ...all, keys: on.keys, kind: "band" });
    frames.push({ queries: on.queries, keys: on.keys, kind: "pair" });
  } else if (pinned.query.length === 1 && pinned.key.length === 1) {
    const [query = 0] = pinned.query;
    const [key = 0] = pinned.key;
    frames.push({ queries: [query, query + 1], keys: [key, key + 1], kind: "pair" });
  }
  drawFrames(pen, at, frames, look);
}

const mostOf = (values: ArrayLike<number>): string => {
  const sizes = Array.from(values).filter(Number.isFinite).map(Math.abs);
  return sizes.length > 0
    ? figure(
        sizes.reduce((a, b) => Math.max(a, b)),
        2,
      )
    : "";
};

const meanStrip = (means: Float64Array | null, { quiet }: Look): Strip | null =>
  means && { label: "mean over queries", values: means, most: mostOf(means), colour: quiet, below: quiet };

/** What the rows in focus add up to, key by key. */
function profileStrip({ profile, state }: Context, scene: Scene, { sight, level, ink }: Plan): Strip {
  const colours = { colour: ink.signs?.positive ?? ink.colour, below: ink.signs?.negative ?? ink.colour };
  const now = profile.value;
  const nothing = { label: "pinned row: none", values: [], most: "", ...colours };
  if (now?.side !== "key" || now.outline !== scene.outline || now.measure !== scene.scale.name) return nothing;
  const values = inColumns(now.values, sight.key, level, scene.scale);
  const [query = 0] = now.of;
  const label =
    now.of.length === 1
      ? `row of ${scene.units.query.labels[query]}`
      : `${howTaken(scene.scale, "query", state.traits.combine.value)} of ${now.of.length} rows`;
  return { label, values, most: mostOf(values), ...colours };
}
