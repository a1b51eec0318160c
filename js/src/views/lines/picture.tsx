// The picture: tokens on both sides, lines between them, what is focused in front.

import { effect, useComputed, useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { type Pen, pensFor, SIGNS } from "../../draw/colours";
import { shadeFor } from "../../draw/contrast";
import { drawLines, type LinesGeometry } from "../../draw/lines";
import type { Theme } from "../../host";
import { edgeAt, focusEdges } from "../../layout/edges";
import { type Hover, howTaken, shadedSide, shadesOf } from "../../layout/focus";
import { rowHeight, stageHeight, stageLimit, stageWidths, visibleRows } from "../../layout/stage";
import { strandsOf } from "../../layout/strands";
import type { Span } from "../../layout/tile";
import type { Side } from "../../layout/units";
import type { Context } from "../../parts/context";
import type { Rectangles, Scene } from "../../source/scene";
import type { LinesStore } from "./store";
import { TokenColumn } from "./token-column";
import { widestLabel } from "./widest-label";

interface Props {
  context: Context;
  store: LinesStore;
  scene: Scene;
  onDrawn(scene: Scene, threshold: number): void;
}

export function Picture({ context, store, scene, onDrawn }: Props) {
  const { state, hover, focus, inSight, categories, theme } = context;
  const { edges, focused } = store;
  const stage = useRef<HTMLDivElement>(null);
  const scroll = useRef<HTMLDivElement>(null);
  const base = useRef<HTMLCanvasElement>(null);
  const front = useRef<HTMLCanvasElement>(null);
  const width = useSignal(0);
  const scrollTop = useSignal(0);
  // Not the one given here: between two renderings colours and geometry would be of other heads than the lines.
  const shown = useComputed(() => context.scene.value ?? scene);

  // Read once: a frame that grows with its content would else follow the picture, and the picture it.
  const limit = useMemo(() => stageLimit(window.innerHeight), []);
  const { count } = scene;
  const row = rowHeight(count, limit);
  const height = stageHeight(count, limit);

  // The stage's height follows from the tokens and only its width from the host: no layout reacts to itself.
  useLayoutEffect(() => {
    const element = scroll.current as HTMLDivElement;
    const measure = () => {
      width.value = element.clientWidth; // without a scrollbar, where there is one
    };
    const observer = new ResizeObserver(measure);
    measure();
    observer.observe(element);
    return () => observer.disconnect();
  }, [width, height, count]);

  useLayoutEffect(() => {
    inSight.value = around(visibleRows(scrollTop.peek(), height, row, count));
  }, [inSight, scrollTop, height, row, count]);

  const widest = useComputed(() => (width.value > 0 ? widestLabel(shown.value.units, stage.current) : 0));
  const widths = useComputed(() => stageWidths(width.value, widest.value));
  const pens = useComputed(() => pensFor(shown.value.heads, categories.now.value, theme.value));
  const signs = useComputed(() => (shown.value.scale.domain === "real" ? SIGNS[theme.value] : null));
  const sight = useComputed(() => {
    const total = shown.value.count;
    const high = rowHeight(total, limit);
    const first = Math.max(0, Math.floor(scrollTop.value / high) - 20);
    return { first, stop: Math.min(total, first + Math.ceil(stageHeight(total, limit) / high) + 40) };
  });
  const shades = useComputed(() => {
    const at = focus.value;
    if (!at) return null;
    const { first, stop } = sight.value;
    const visible = Array.from({ length: Math.max(0, stop - first) }, (_, nth) => first + nth);
    const { drawn, scale, leftOut, given } = shown.value;
    const rows = shadesOf(drawn, at, visible, scale, state.traits.combine.value);
    return { side: shadedSide(at), rows, masked: leftOut ? shadesOf(given, at, visible, scale) : rows };
  });

  const geometry = (): LinesGeometry => {
    const total = shown.value.count;
    const high = rowHeight(total, limit);
    const top = scrollTop.value;
    const { left, right } = widths.value;
    return {
      canvas: [width.value, stageHeight(total, limit)],
      left,
      width: right - left,
      strands: strandsOf(shown.value.heads.length, high),
      row: (index) => (index + 0.5) * high - top,
    };
  };

  usePainting(() => {
    if (!base.current || width.value === 0) return;
    drawLines(base.current, edges.value, pens.value, geometry(), signs.value);
    onDrawn(shown.value, store.threshold.value);
  });
  usePainting(() => {
    if (!front.current || width.value === 0) return;
    drawLines(front.current, focused.value, pens.value, geometry(), signs.value);
  });

  const lineUnder = (event: PointerEvent): Hover => {
    const box = (stage.current as HTMLDivElement).getBoundingClientRect();
    const { left, right } = widths.value;
    const x = (event.clientX - box.left - left) / (right - left);
    if (x < 0 || x > 1) return null;
    const among = pinnedEdges();
    const at = edgeAt(among, x, event.clientY - box.top, geometry());
    if (at < 0) return null;
    return {
      side: "line",
      query: among.query[at] as number,
      key: among.key[at] as number,
      head: among.head[at] as number,
    };
  };
  const pinnedEdges = () => {
    const { queries, keys } = state.traits;
    const of = (side: Side, tokens: number[]) => (tokens.length > 0 ? scene.units[side].of(tokens) : null);
    return focusEdges(edges.value, of("query", queries.value), of("key", keys.value));
  };

  /** A click pins alone on its own side, and makes a pair with what is pinned on the other. */
  const pin = (side: Side, unit: number, add: boolean) => {
    const own = side === "query" ? "queries" : "keys";
    const tokens = scene.units[side].tokens(unit);
    const before = state.traits[own].value;
    const had = tokens.every((token) => before.includes(token));
    const rest = add ? before.filter((token) => !tokens.includes(token)) : [];
    const takesOut = had && (add || before.length === tokens.length);
    state.set({ [own]: takesOut ? rest : [...rest, ...tokens] });
  };

  // What is pinned from elsewhere, in Python or from the list of strongest pairs, comes into sight.
  useLayoutEffect(
    () =>
      effect(() => {
        const { queries, keys } = state.traits;
        const box = scroll.current;
        const { units, count } = shown.peek();
        const [pinned] = [...units.query.of(queries.value), ...units.key.of(keys.value)];
        if (!box || pinned === undefined) return;
        const high = rowHeight(count, limit);
        const at = pinned * high;
        if (at < box.scrollTop || at + high > box.scrollTop + box.clientHeight) {
          box.scrollTop = at - box.clientHeight / 2;
        }
      }),
    [],
  );

  const side = (name: Side) => (
    <TokenColumn
      side={name}
      units={scene.units[name]}
      sight={sight.value}
      row={row}
      width={widths.value.label}
      edge={name === "query" ? widths.value.left : width.value - widths.value.right}
      scale={scene.scale}
      shades={shades.value?.side === name ? shades.value : null}
      focused={name === "query" ? focus.value?.queries : focus.value?.keys}
      pinned={scene.units[name].of((name === "query" ? state.traits.queries : state.traits.keys).value)}
      onHover={(unit) => {
        hover.value = unit === null ? null : { side: name, unit };
      }}
      onPin={(unit, add) => pin(name, unit, add)}
    />
  );

  /** What the numbers on a side are, where they are those of several tokens on the other. */
  const taken = (name: Side): string => {
    const at = focus.value;
    const of = at && shadedSide(at) === name ? (at.queries ?? at.keys) : null;
    if (!of || of.length < 2) return "";
    return ` · ${howTaken(scene.scale, name === "key" ? "query" : "key", state.traits.combine.value)} of ${of.length}`;
  };

  const first = Math.round(scrollTop.value / row);
  const last = Math.min(count, Math.round((scrollTop.value + height) / row));
  const more = last < count;
  const roomy = width.value >= ROOMY;
  const gloss = roomy ? GLOSS : 0;
  const reads = scene.units.query.writes.length > 0;
  return (
    <div class="lines-view" style={tint(pens.value, theme.value)}>
      <div class="sides" style={{ width: `${width.value}px` }}>
        <span style={{ right: `${width.value - Math.max(gloss, widths.value.left)}px` }}>
          query{taken("query") || (roomy && (reads ? ": reads ▸ writes" : ": the token that looks"))}
        </span>
        <span style={{ left: `${Math.min(widths.value.right, width.value - gloss)}px` }}>
          key{taken("key") || (roomy && ": what it looks at")}
        </span>
        {count * row > height && (
          <span class="place" style={{ left: `${(widths.value.left + widths.value.right) / 2}px` }}>
            {first + 1}–{last} of {count}
          </span>
        )}
      </div>
      <div class={more ? "stage more" : "stage"} ref={stage} style={{ height: `${height}px` }}>
        <canvas ref={base} class={focus.value ? "faded" : ""} />
        <canvas ref={front} />
        {/* biome-ignore lint/a11y/noStaticElementInteractions: lines are pixels; their tokens take the keyboard */}
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: the same */}
        <div
          class="scroll"
          ref={scroll}
          onScroll={(event) => {
            scrollTop.value = event.currentTarget.scrollTop;
            inSight.value = around(visibleRows(scrollTop.value, height, row, count));
          }}
          onPointerMove={(event) => {
            if (!(event.target as Element).closest("[data-side]")) hover.value = lineUnder(event);
          }}
          onPointerLeave={() => {
            hover.value = null;
          }}
          onClick={(event) => {
            if ((event.target as Element).closest("[data-side]")) return;
            const line = lineUnder(event as unknown as PointerEvent);
            const { units } = scene;
            if (line?.side === "line") {
              state.set({ queries: units.query.tokens(line.query), keys: units.key.tokens(line.key) });
            } else {
              state.set({ queries: [], keys: [] });
            }
          }}
        >
          <div class="rows" style={{ height: `${count * row}px`, "--row": `${row}px` }}>
            {side("query")}
            {side("key")}
          </div>
        </div>
      </div>
    </div>
  );
}

/** One head's tokens are shaded in its colour; the mean over several belongs to none of them. */
function tint([pen, ...others]: Pen[], theme: Theme) {
  if (!pen || others.length > 0) return {};
  return { "--pen": pen.colour, "--shade": `${100 * shadeFor(pen.colour, theme)}%` };
}

/** Every pair with an end in these rows. */
const around = (rows: Span): Rectangles => [
  [rows, [0, Number.POSITIVE_INFINITY]],
  [[0, Number.POSITIVE_INFINITY], rows],
];

/** Like useSignalEffect, but before the browser paints: labels never stand a frame without their lines. */
function usePainting(paint: () => void): void {
  useLayoutEffect(() => effect(paint), []);
}

const GLOSS = 176; // px that a side's explanation takes, with its margin
const ROOMY = 460; // px for two of them, and the place in a long text between
