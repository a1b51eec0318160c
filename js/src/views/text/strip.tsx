// The whole text beside what is in sight of it.

import { effect, type ReadonlySignal, useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { MARKS } from "../../draw/colours";
import { drawOverview } from "../../draw/overview";
import type { Theme } from "../../host";
import { maximaOf } from "../../layout/passage";
import type { Units } from "../../layout/units";
import { Around, positionOf } from "../../parts/around";
import type { Looks } from "./looks";

interface Props {
  height: number;
  /** The part of the text that is in sight, from 0 to 1. */
  sight: { top: number; bottom: number; first: number };
  /** Where each unit stands, from 0 to 1. */
  heights: Float32Array;
  units: Units;
  looks: Looks;
  theme: ReadonlySignal<Theme>;
  /** Bring a part of the text into the middle, from 0 to 1. */
  onGo(to: number): void;
  onHover(unit: number | null): void;
}

const WIDTH = 64;
const NEAR = 3; // px around the pointer in which the strongest unit is meant

export function Strip({ height, sight, heights, units, looks, theme, onGo, onHover }: Props) {
  const { values, pinned, found, strengthOf, tint, signs } = looks;
  const canvas = useRef<HTMLCanvasElement>(null);
  const pointed = useSignal<number | null>(null);
  const isDragged = useRef(false);
  const count = units.labels.length;

  useLayoutEffect(
    () =>
      effect(() => {
        const marks = MARKS[theme.value];
        drawOverview(canvas.current as HTMLCanvasElement, {
          ...{ height, strengthOf, signs },
          width: WIDTH,
          colour: tint.colour,
          maxima: values ? maximaOf(values, heights, Math.floor(height)) : new Float32Array(),
          lines: (["query", "key"] as const).flatMap((side) =>
            pinned[side].map((unit) => ({ at: heights[unit] ?? 0, colour: marks[side] })),
          ),
          ticks: found.map((unit) => ({ at: heights[unit] ?? 0, colour: marks.found })),
        });
      }),
    [height, heights, values, pinned, found, strengthOf, tint, signs],
  );

  const placeOf = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientY - box.top) / box.height));
  };
  const point = (unit: number | null) => {
    if (unit === pointed.peek()) return;
    pointed.value = unit;
    onHover(unit);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const page = sight.bottom - sight.top;
    const middle = (sight.top + sight.bottom) / 2;
    const to = {
      ArrowUp: middle - page / 4,
      ArrowDown: middle + page / 4,
      PageUp: middle - page,
      PageDown: middle + page,
      Home: 0,
      End: 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    onGo(Math.min(1, Math.max(0, to)));
  };
  const at = pointed.value;
  return (
    <div class="strip">
      <span class="strip-end">{positionOf(units, 0)}</span>
      <div
        class="strip-body"
        role="slider"
        aria-orientation="vertical"
        aria-label="the whole text: what is in sight of it"
        aria-valuemin={0}
        aria-valuemax={count - 1}
        aria-valuenow={sight.first}
        aria-valuetext={`from token ${positionOf(units, sight.first)}`}
        tabIndex={0}
        style={{ width: `${WIDTH}px`, height: `${height}px` }}
        onKeyDown={onKeyDown}
        onPointerDown={(event) => {
          isDragged.current = true;
          (event.currentTarget as Element).setPointerCapture(event.pointerId);
          onGo(placeOf(event));
        }}
        onPointerMove={(event) => {
          if (isDragged.current) onGo(placeOf(event));
          else point(strongestNear(values, heights, placeOf(event), NEAR / height));
        }}
        onPointerUp={() => {
          isDragged.current = false;
        }}
        onPointerLeave={() => point(null)}
      >
        <canvas ref={canvas} />
        <i
          class="strip-frame"
          style={{ top: `${sight.top * height}px`, height: `${Math.max(8, (sight.bottom - sight.top) * height)}px` }}
        />
        {at !== null && (
          <span class="strip-tip" style={{ top: `${(heights[at] ?? 0) * height}px` }}>
            <span class="position">{positionOf(units, at)}</span>
            <Around units={units} unit={at} />
          </span>
        )}
      </div>
      <span class="strip-end">{positionOf(units, count - 1)}</span>
    </div>
  );
}

/** The unit with the largest number near a height, else the nearest. */
function strongestNear(values: Float32Array | null, heights: Float32Array, at: number, near: number): number | null {
  let best: number | null = null;
  let nearest: number | null = null;
  for (let unit = 0; unit < heights.length; unit++) {
    const distance = Math.abs((heights[unit] as number) - at);
    if (nearest === null || distance < Math.abs((heights[nearest] as number) - at)) nearest = unit;
    if (!values || distance > near || !Number.isFinite(values[unit] as number)) continue;
    if (best === null || Math.abs(values[unit] as number) > Math.abs(values[best] as number)) best = unit;
  }
  return best ?? nearest;
}
