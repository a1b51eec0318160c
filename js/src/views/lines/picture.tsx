// The picture: tokens on both sides, lines between them, what is focused in front.

import { effect, useComputed, useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { type Pen, pensFor, type Signs, signsOf } from "../../draw/colours";
import { shadeFor } from "../../draw/contrast";
import { drawLines, type LinesGeometry } from "../../draw/lines";
import type { Theme } from "../../host";
import { coloursOf } from "../../layout/categories";
import { edgeAt, focusEdges, linesAway } from "../../layout/edges";
import type { Hover } from "../../layout/focus";
import { rowOf, within } from "../../layout/fold";
import { stageWidths } from "../../layout/stage";
import { strandsOf } from "../../layout/strands";
import type { Side } from "../../layout/units";
import type { Context } from "../../parts/context";
import { Away } from "./away";
import { Header } from "./header";
import { shadesFor } from "./shades";
import type { Shown } from "./shown";
import type { LinesStore } from "./store";
import { TokenColumn } from "./token-column";
import { widestLabel } from "./widest-label";

interface Props {
  context: Context;
  store: LinesStore;
  shown: Shown;
  onDrawn(shown: Shown): void;
}

const GAP_LABEL = 80; // px of a column in which "… 12,345 tokens …" can be read

export function Picture({ context, store, shown: { scene, found }, onDrawn }: Props) {
  const { state, hover, focus, categories, theme } = context;
  const { edges, focused, sides } = store;
  const stage = useRef<HTMLDivElement>(null);
  const boxes = { query: useRef<HTMLDivElement>(null), key: useRef<HTMLDivElement>(null) };
  const base = useRef<HTMLCanvasElement>(null);
  const front = useRef<HTMLCanvasElement>(null);
  const wasEmpty = useRef(true);
  const width = useSignal(0);
  // Not the one given here: between two renderings colours and geometry would be of other heads than the lines.
  const shown = useComputed(() => (store.shown.value as Shown).scene);
  const row = sides.row.value;
  const height = sides.height.value;

  // What was scrolled here, and not by the reader, whose own scrolling may not have been told yet.
  const told = useRef({ query: 0, key: 0 });
  const putBack = (side: Side, always: boolean) => {
    const { current: box } = boxes[side];
    const { fold, top } = sides.at[side].value;
    const high = sides.row.value;
    if (!box) return;
    (box.firstElementChild as HTMLElement).style.height = `${fold.rows * high}px`;
    if (!always && top === told.current[side]) return;
    box.scrollTop = within(top, fold, high, sides.height.value);
    told.current[side] = top;
  };
  usePainting(() => putBack("query", false));
  usePainting(() => putBack("key", false));

  // The stage's height follows from the tokens and only its width from the host: no layout reacts to itself.
  useLayoutEffect(() => {
    const element = stage.current as HTMLDivElement;
    const measure = () => {
      width.value = element.clientWidth;
      for (const side of ["query", "key"] as const) putBack(side, true); // put away, it forgets how far it was scrolled
    };
    const observer = new ResizeObserver(measure);
    measure();
    observer.observe(element);
    return () => observer.disconnect();
  }, [width]);

  const widest = useComputed(() => {
    if (width.value === 0) return 0;
    return Math.max(widestLabel(shown.value.units, stage.current), store.shown.value?.found ? GAP_LABEL : 0);
  });
  const widths = useComputed(() => stageWidths(width.value, widest.value));
  const pens = useComputed(() =>
    pensFor(shown.value.heads, coloursOf(shown.value.scale, categories.now.value), theme.value),
  );
  const signs = useComputed(() => signsOf(shown.value.scale, theme.value));
  const shades = useComputed(() => shadesFor(context, store));
  const hits = useComputed(() => {
    const { places, at, side } = context.find;
    const { outline, units } = shown.value;
    const of = (name: Side) => {
      const own = outline.keys && side.value !== name ? [] : places.value;
      return { all: new Set(units[name].of(own.flat())), here: new Set(units[name].of(own[at.value] ?? [])) };
    };
    return { query: of("query"), key: of("key") };
  });

  const geometry = (): LinesGeometry => {
    const high = sides.row.value;
    const { left, right } = widths.value;
    const middleOf = (side: Side) => {
      const { fold, top } = sides.at[side].value;
      return (unit: number) => {
        const at = rowOf(fold, unit);
        return at < 0 ? Number.NaN : (at + 0.5) * high - top;
      };
    };
    return {
      canvasWidth: width.value,
      height: sides.height.value,
      left,
      width: right - left,
      strands: strandsOf(shown.value.heads.length, high),
      query: middleOf("query"),
      key: middleOf("key"),
    };
  };
  const away = useComputed(() => (found ? linesAway(focus.value ? focused.value : edges.value, geometry()) : null));

  usePainting(() => {
    if (!base.current || width.value === 0) return;
    drawLines(base.current, edges.value, pens.value, geometry(), signs.value);
    onDrawn(store.shown.value as Shown);
  });
  usePainting(() => {
    const isEmpty = focused.value.count === 0;
    if (!front.current || width.value === 0 || (isEmpty && wasEmpty.current)) return; // scrolling then costs nothing
    wasEmpty.current = isEmpty;
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

  const side = (name: Side) => (
    <div
      class={`scroll ${name}`}
      ref={boxes[name]}
      onScroll={({ currentTarget: box }) => {
        if (box.clientHeight === 0) return;
        told.current[name] = box.scrollTop;
        sides.scroll(name, box.scrollTop);
      }}
    >
      <div class="rows" style={{ "--row": `${row}px` }}>
        <TokenColumn
          side={name}
          units={scene.units[name]}
          sides={sides}
          row={row}
          height={height}
          width={widths.value.label}
          inner={width.value / 2 - widths.value.left}
          scale={store.scale.value}
          isLong={found !== null}
          shades={shades.value?.side === name ? shades.value : null}
          signs={signs.value}
          focused={name === "query" ? focus.value?.queries : focus.value?.keys}
          found={hits.value[name]}
          pinned={scene.units[name].of((name === "query" ? state.traits.queries : state.traits.keys).value)}
          onHover={(unit) => {
            hover.value = unit === null ? null : { side: name, unit };
          }}
          onPin={(unit, add) => pin(name, unit, add)}
        />
      </div>
    </div>
  );

  return (
    <div class="lines-view" style={tint(pens.value, signs.value, theme.value)}>
      <Header context={context} store={store} width={width.value} widths={widths.value} />
      {/* biome-ignore lint/a11y/noStaticElementInteractions: lines are pixels; their tokens take the keyboard */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the same */}
      <div
        class="stage"
        ref={stage}
        style={{ height: `${height}px` }}
        onPointerMove={(event) => {
          if (!(event.target as Element).closest("[data-side], button")) hover.value = lineUnder(event);
        }}
        onPointerLeave={() => {
          hover.value = null;
        }}
        onClick={(event) => {
          if ((event.target as Element).closest("[data-side], button")) return;
          const line = lineUnder(event as unknown as PointerEvent);
          const { units } = scene;
          if (line?.side === "line") {
            state.set({ queries: units.query.tokens(line.query), keys: units.key.tokens(line.key) });
          } else {
            state.set({ queries: [], keys: [] });
          }
        }}
      >
        <canvas ref={base} class={focus.value ? (found ? "faded long" : "faded") : ""} />
        <canvas ref={front} />
        {side("query")}
        {side("key")}
        {away.value && <Away away={away.value} store={store} widths={widths.value} />}
      </div>
    </div>
  );
}

/** One head's tokens are shaded in its colour; the mean over several belongs to none of them. */
function tint([pen, ...others]: Pen[], signs: Signs | null, theme: Theme) {
  const colour = signs?.positive ?? (others.length === 0 && pen?.colour);
  return colour ? { "--pen": colour, "--shade": `${100 * shadeFor(colour, theme)}%` } : {};
}

/** Like useSignalEffect, but before the browser paints: labels never stand a frame without their lines. */
function usePainting(paint: () => void): void {
  useLayoutEffect(() => effect(paint), []);
}
