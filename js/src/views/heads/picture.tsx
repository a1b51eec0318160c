// The wall of pictures: one canvas, and over it a button for each head.

import { effect } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { prepare } from "../../draw/canvas";
import { accent, headColour, signsOf } from "../../draw/colours";
import { createPainter } from "../../draw/pictures";
import { nameOf, OTHER } from "../../layout/categories";
import { LABEL } from "../../layout/head-grid";
import { headName } from "../../layout/heads";
import { isPlaced, numberFor } from "../../layout/heads-order";
import { neighbourOf, type Wall } from "../../layout/heads-wall";
import { isForbidden } from "../../layout/tile";
import type { Context } from "../../parts/context";
import { Code, Swatch } from "../../parts/swatch";
import { chooseHead } from "../../state/choose-head";
import type { Head } from "../../wire/schema";
import { Detail } from "./detail";
import { Grid } from "./grid";
import { open } from "./open";
import { briefNumber, inWords } from "./readings";
import type { HeadsStore } from "./store";

interface Props {
  context: Context;
  store: HeadsStore;
  onDrawn(name: string, run: number): void;
}

const AROUND = 262; // px of the window for what stands above and below
const LEAST = 340;
const NARROW = 600; // px: below, the larger picture stands above the wall
const BESIDE = 196; // px for the larger picture
const BETWEEN = 36;
const [SMALL, LARGE] = [160, 340]; // px of its side
const FAINT = 0.12; // heads that are left out of the map
const CODED = 34; // px of a picture that has room for its category's letters

export function Picture({ context, store, onDrawn }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const scroll = useRef<HTMLDivElement>(null);
  const wall = store.wall.value;
  const outline = context.state.kernel.outline.value;

  useLayoutEffect(() => {
    const element = frame.current as HTMLDivElement;
    const height = Math.max(LEAST, window.innerHeight - AROUND);
    const measure = () => {
      const width = element.clientWidth - (element.clientWidth < NARROW ? 0 : BESIDE);
      const last = store.room.peek();
      const { scrollTop, clientHeight } = scroll.current as HTMLDivElement;
      store.look(scrollTop, scrollTop + clientHeight);
      if (width !== last.width || height !== last.height) store.room.value = { width, height };
    };
    const observer = new ResizeObserver(measure);
    measure();
    observer.observe(element);
    scroll.current?.addEventListener("scroll", measure, { passive: true });
    return () => {
      observer.disconnect();
      store.pointed.value = null;
    };
  }, [store]);

  return (
    <div class="heads-view" data-refined={store.refined.value} data-order={store.order.value}>
      <div class="heads-frame" ref={frame}>
        <div class="heads-wall" ref={scroll}>
          {wall && outline && <Heads context={context} store={store} wall={wall} onDrawn={onDrawn} />}
          {store.order.value === "map" && store.distances.value?.all && <Grid context={context} store={store} />}
        </div>
        {outline && wall && <Detail context={context} store={store} outline={outline} side={largeSide(wall, store)} />}
      </div>
    </div>
  );
}

/** What the wall leaves of the width, for the larger picture. */
function largeSide(wall: Wall, { room, order }: HeadsStore): number {
  const { width } = room.value;
  const left = order.value === "map" ? 0 : width - wall.width;
  return Math.max(SMALL, Math.min(LARGE, Math.floor(left + BESIDE - BETWEEN)));
}

function Heads({ context, store, wall, onDrawn }: Props & { wall: Wall }) {
  const { state, theme, categories } = context;
  const canvas = useRef<HTMLCanvasElement>(null);
  const { outline } = state.kernel;
  const kept = new Set(outline.value?.kept);
  const off = new Set(outline.value?.off.map(headName));
  const order = store.order.value;
  const known = store.known.value;
  const number = numberFor(order, known);
  const shown = state.traits.heads.value.map(headName);
  const now = categories.now.value;
  const names = wall.placed.map(({ head }) => headName(head));
  const entry = Math.max(0, names.lastIndexOf(shown.at(-1) ?? ""));

  useLayoutEffect(
    () =>
      effect(() => {
        const { cell, width, height, placed } = store.wall.value ?? wall;
        const element = canvas.current;
        const run = outline.value?.run;
        if (!element || !run) return;
        const pen = prepare(element, width, height);
        const there = store.pictured.value;
        const signs = signsOf(state.kernel.pictures.value, theme.value);
        const paint = createPainter(pen, signs, theme.value);
        for (const { head, x, y } of placed) {
          const shades =
            there && !there.problem && outline.value?.kept.includes(head[0]) ? store.shades(head, cell) : null;
          pen.clearRect(x, y, cell, cell); // on a map one may lie over another
          if (!shades) continue;
          const ink = headColour(categories.now.value, head, theme.value) ?? accent(theme.value);
          const strength = store.isShown(head) ? 1 : FAINT;
          paint(shades, { ink, strength }, x, y, cell, cell >= CODED && strength === 1);
        }
        onDrawn(there?.name ?? "", run);
      }),
    [],
  );

  const onKeyDown = (event: KeyboardEvent, at: number) => {
    const head = wall.placed[at]?.head as Head;
    if (event.key === "Enter") {
      event.preventDefault();
      if (event.shiftKey) chooseHead(state, head, true);
      else open(context, store, head);
      return;
    }
    if (!event.key.startsWith("Arrow")) return;
    event.preventDefault();
    const to = neighbourOf(wall.placed, at, event.key, (one) => kept.has(wall.placed[one]?.head[0] ?? -1));
    const all = (event.currentTarget as Element).parentElement as Element;
    if (to >= 0) all.querySelector<HTMLElement>(`[data-head="${names[to]}"]`)?.focus();
  };

  const every = wall.cell >= 14 ? 1 : 4; // numbers that fit
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is no grid of pictures
    <div
      class="heads-scroll"
      role="group"
      aria-label={`all heads, by ${order}`}
      style={{ "--side": `${wall.cell}px`, width: `${wall.width}px`, height: `${wall.height}px` }}
      onPointerLeave={() => {
        store.pointed.value = null;
      }}
    >
      <canvas ref={canvas} />
      {order === "layer" && <Numbers wall={wall} heads={outline.value?.heads ?? 0} every={every} />}
      {wall.headings.map(({ text, category, count, y }) => (
        <h3 key={text} style={{ top: `${y}px` }}>
          {now && category !== null && <Swatch categories={now} category={category} theme={theme.value} />}
          <bdi>{text}</bdi> <span class="hint">{count}</span>
        </h3>
      ))}
      {wall.placed.map(({ head, x, y }, at) => {
        const name = names[at] as string;
        const isKept = kept.has(head[0]);
        const main = now?.fresh && isKept ? now.main(head) : OTHER;
        const value = number?.(head);
        const dimmed = isPlaced(order) && !store.isShown(head);
        return (
          <button
            type="button"
            key={name}
            class={["head-picture", dimmed && "dimmed", !isKept && "absent", off.has(name) && "off"]
              .filter(Boolean)
              .join(" ")}
            data-head={name}
            disabled={!isKept}
            aria-pressed={shown.includes(name)}
            aria-label={isKept ? inWords(context, store, head) : `${name}: layer ${head[0]} was left out of this trace`}
            tabIndex={at === entry ? 0 : -1}
            style={{ left: `${x}px`, top: `${y}px`, "--pen": headColour(now, head, theme.value) ?? "var(--accent)" }}
            onPointerEnter={() => {
              store.pointed.value = head;
            }}
            onFocus={() => {
              store.pointed.value = head;
            }}
            onClick={(event) => chooseHead(state, head, event.shiftKey)}
            onDblClick={(event) => !event.shiftKey && open(context, store, head)}
            onKeyDown={(event) => onKeyDown(event, at)}
          >
            {now && main >= 0 && wall.cell >= CODED && !dimmed && (
              <Code name={nameOf(now, main)} colour={headColour(now, head, theme.value)} />
            )}
            {wall.under > 0 && (
              <>
                <span class="own-name">{name}</span>
                <span class="under">
                  {value === undefined || Number.isNaN(value)
                    ? ""
                    : isForbidden(value)
                      ? "–"
                      : briefNumber(context, store, value)}
                </span>
              </>
            )}
          </button>
        );
      })}
    </div>
  );
}

function Numbers({ wall, heads, every }: { wall: Wall; heads: number; every: number }) {
  const first = wall.placed.slice(0, heads);
  const down = wall.placed.filter(({ head }) => head[1] === 0);
  return (
    <div aria-hidden="true" class="wall-numbers">
      {first.map(({ head, x }) => (
        <span key={`h${head[1]}`} class="across" style={{ left: `${x}px` }}>
          {head[1] % every === 0 ? head[1] : ""}
        </span>
      ))}
      {down.map(({ head, y }) => (
        <span key={`l${head[0]}`} class="down" style={{ top: `${y}px`, width: `${LABEL - 8}px` }}>
          {head[0] % every === 0 ? head[0] : ""}
        </span>
      ))}
    </div>
  );
}
