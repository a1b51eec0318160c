// How far each two heads are apart, as a picture: alike ones side by side, dark where they are alike.

import { useLayoutEffect, useRef } from "preact/hooks";
import { prepare } from "../../draw/canvas";
import { accent, headColour } from "../../draw/colours";
import { createPainter } from "../../draw/pictures";
import { shadesOfDistances } from "../../layout/alike";
import type { Context } from "../../parts/context";
import type { Head } from "../../wire/schema";
import { gridSide, type HeadsStore } from "./store";

const EDGE = 7; // px for the heads' colours

export function Grid({ context: { categories, theme }, store }: { context: Context; store: HeadsStore }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const side = gridSide(store.room.value.width);
  const { values, all } = store.distances.value ?? {};
  const heads = (all?.order ?? []).map((at) => store.every.value[at] as Head);
  const now = categories.now.value;
  const step = (side - EDGE) / heads.length;

  useLayoutEffect(() => {
    if (!values || !all || !canvas.current) return;
    const pen = prepare(canvas.current, side, side);
    const shades = { values: shadesOfDistances(values, all.order), rows: heads.length, columns: heads.length };
    createPainter(pen, null, theme.value)(shades, { ink: accent(theme.value), strength: 1 }, EDGE, EDGE, side - EDGE);
    heads.forEach((head, at) => {
      pen.fillStyle = headColour(now, head, theme.value) ?? "#8888";
      pen.fillRect(0, EDGE + at * step, EDGE - 2, step);
      pen.fillRect(EDGE + at * step, 0, step, EDGE - 2);
    });
  }, [values, side, now, theme.value]);

  const point = (event: PointerEvent) => {
    const at = (offset: number) => heads[Math.floor((offset - EDGE) / step)] ?? null;
    store.pointed.value = at(event.offsetY);
    store.across.value = at(event.offsetX);
  };
  return (
    <canvas
      ref={canvas}
      class="distance-grid"
      role="img"
      aria-label="how far each two heads are apart; the heads of the map tell it, too"
      onPointerMove={point}
      onPointerLeave={() => {
        store.pointed.value = store.across.value = null;
      }}
    />
  );
}
