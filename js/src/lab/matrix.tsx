// A variant's weights as a small matrix: cells on one canvas, names and what is pointed at on another in front.

import type { ReadonlySignal, Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { prepare } from "../draw/canvas";
import { accent, SIGNS } from "../draw/colours";
import { GROUND, type Ink } from "../draw/heat";
import { drawRowBars, drawTiles } from "../draw/lab";
import { drawCells, drawFrames, drawSides, type Frame, type Look } from "../draw/matrix";
import type { Theme } from "../host";
import { type Place, ROW_STRIP, stepped } from "../layout/lab";
import { pairAt } from "../layout/matrix";
import type { Pair, Picture } from "./state";

interface Props {
  picture: Picture;
  tokens: readonly string[];
  place: Place;
  /** The size of number that is drawn with full strength. */
  top: number;
  theme: ReadonlySignal<Theme>;
  pointed: Signal<Pair | null>;
  pinned: Signal<Pair | null>;
  /** Flash attention's tiles, and how far they are. */
  tiles?: { of: Parameters<typeof drawTiles>[2]; step: number } | null;
}

/** How the numbers of a picture become colours. */
export const inkOf = (signed: boolean, top: number, theme: Theme): Ink => ({
  ...{ kind: "maximum" as const, colour: accent(theme), signs: signed ? SIGNS[theme] : null },
  ...{ top, isLog: false, theme },
});

export function lookOf(canvas: HTMLCanvasElement, theme: Theme): Look {
  const style = getComputedStyle(canvas);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const [quiet, line] = [colour("--quiet"), colour("--accent")];
  return { theme, text: style.color, quiet, accent: line, font: style.fontFamily };
}

export function Matrix({ picture, tokens, place, top, theme, pointed, pinned, tiles = null }: Props) {
  const base = useRef<HTMLCanvasElement>(null);
  const front = useRef<HTMLCanvasElement>(null);
  const { at, size, named } = place;
  const shade = theme.value;
  const on = pointed.value ?? pinned.value;
  const n = tokens.length;

  useLayoutEffect(() => {
    const canvas = base.current;
    if (!canvas || !picture.cells) return;
    drawCells(canvas, at, size, [picture.cells], inkOf(picture.signed, top, shade), lookOf(canvas, shade));
  }, [picture, at.zoom, at.left, size[0], top, shade]);

  useLayoutEffect(() => {
    const canvas = front.current;
    if (!canvas) return;
    const pen = prepare(canvas, ...size);
    const look = lookOf(canvas, shade);
    if (tiles) drawTiles(pen, at, tiles.of, tiles.step, GROUND[shade], look);
    const strong = { query: new Set(on ? [on.query] : []), key: new Set(on ? [on.key] : []) };
    drawSides(
      pen,
      at,
      {
        sight: { query: [0, n], key: [0, n] },
        label: (side, unit) => (side === "query" && !named ? "" : (tokens[unit] ?? "")),
        isWritten: () => false,
        strong,
        cell: 1,
        strips: [null, null],
        signed: false,
      },
      look,
    );
    if (picture.beside) drawRowBars(pen, at, picture.beside, 1, ROW_STRIP, accent(shade), look);
    if (on) {
      const [row, column] = [[on.query, on.query + 1] as const, [on.key, on.key + 1] as const];
      const frames: Frame[] = [
        { queries: row, keys: [0, n], kind: "band" },
        { queries: [0, n], keys: column, kind: "band" },
        { queries: row, keys: column, kind: "pair" },
      ];
      drawFrames(pen, at, frames, look);
    }
  });

  // A pointer that is still over a matrix of before would light up a pair that is no more.
  useEffect(
    () => () => {
      pointed.value = null;
    },
    [],
  );

  const pairOf = (event: PointerEvent | MouseEvent): Pair | null => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return pairAt(at, event.clientX - box.left, event.clientY - box.top);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const to = stepped(pointed.peek() ?? pinned.peek(), event.key, n);
    if (to) pointed.value = to;
    else if (event.key === "Enter" || event.key === " ") pinned.value = pointed.peek();
    else return;
    event.preventDefault();
  };
  return (
    <div
      class="lab-matrix"
      style={{ width: `${size[0]}px`, height: `${size[1]}px` }}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: an application takes keys
      tabIndex={0}
      role="application"
      aria-roledescription="grid of weights"
      aria-label={`weights of ${picture.label}: ${n} queries × ${n} keys. Arrow keys move, Enter pins.`}
      onKeyDown={onKeyDown}
      onPointerMove={(event) => {
        const pair = pairOf(event);
        const now = pointed.peek();
        if (pair?.query !== now?.query || pair?.key !== now?.key) pointed.value = pair;
      }}
      onPointerLeave={() => {
        pointed.value = null;
      }}
      onBlur={() => {
        pointed.value = null;
      }}
      onClick={(event) => {
        const pair = pairOf(event);
        const now = pinned.peek();
        pinned.value = pair && now && pair.query === now.query && pair.key === now.key ? null : pair;
      }}
    >
      <canvas ref={base} />
      <canvas ref={front} />
    </div>
  );
}
