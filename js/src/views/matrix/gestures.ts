// How one moves in a matrix: wheel, drag, pinch.

import { type Geometry, pairAt, panBy, type Sight, type Stage, zoomAt } from "../../layout/matrix";
import type { Pair } from "./store";

export interface Moves {
  /** Where one is; null before anything is drawn. */
  now(): { stage: Stage; at: Geometry } | null;
  look(sight: Sight | null): void;
  point(pair: Pair | null): void;
  /** A click on a pair, or beside the matrix. */
  pin(pair: Pair | null, add: boolean): void;
}

const STILL = 4; // px that a click may move
const LINE = 16; // px of a wheel that counts in lines

/**
 * Follow pointers and wheel on an element until the signal aborts. A page can be scrolled over a matrix: the wheel zooms
 * only with Ctrl or Command (which is also what a pinch on a trackpad is), or after a click inside.
 */
export function followGestures(element: HTMLElement, moves: Moves, abort: AbortSignal): void {
  const pointers = new Map<number, { x: number; y: number }>();
  let travelled = 0;
  const options = { signal: abort };

  const place = (event: MouseEvent) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const under = (event: MouseEvent): Pair | null => {
    const { x, y } = place(event);
    const { at } = moves.now() ?? {};
    return at ? pairAt(at, x, y) : null;
  };

  element.addEventListener(
    "wheel",
    (event) => {
      const now = moves.now();
      const inside = (element.getRootNode() as ShadowRoot).activeElement === element;
      if (!now || !(event.ctrlKey || event.metaKey || inside)) return;
      const { x, y } = place(event);
      const delta = event.deltaY * (event.deltaMode === 1 ? LINE : 1);
      const factor = Math.exp(-Math.max(-240, Math.min(240, delta)) * (event.ctrlKey ? 0.01 : 0.003));
      if (factor < 1 && now.at.isWhole && !event.ctrlKey) return; // nothing is left to zoom out of: the page scrolls
      event.preventDefault();
      moves.look(zoomAt(now.stage, now.at, factor, x, y));
      moves.point(under(event));
    },
    { ...options, passive: false },
  );

  element.addEventListener(
    "pointerdown",
    (event) => {
      if (event.button !== 0) return;
      if (pointers.size === 0) travelled = 0;
      pointers.set(event.pointerId, place(event));
      element.setPointerCapture(event.pointerId);
    },
    options,
  );

  element.addEventListener(
    "pointermove",
    (event) => {
      const before = pointers.get(event.pointerId);
      const now = moves.now();
      if (!before || !now) {
        moves.point(under(event));
        return;
      }
      const here = place(event);
      const [dx, dy] = [here.x - before.x, here.y - before.y];
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
      travelled += Math.abs(dx) + Math.abs(dy);
      if (travelled <= STILL) return;
      pointers.set(event.pointerId, here);
      moves.point(null);
      if (!other) {
        moves.look(panBy(now.stage, now.at, dx, dy));
        return;
      }
      const apart = (one: { x: number; y: number }) => Math.max(1, Math.hypot(one.x - other.x, one.y - other.y));
      const moved = panBy(now.stage, now.at, dx / 2, dy / 2);
      moves.look(moved);
      const then = moves.now();
      const middle = [(here.x + other.x) / 2, (here.y + other.y) / 2] as const;
      if (then) moves.look(zoomAt(then.stage, then.at, apart(here) / apart(before), ...middle));
    },
    options,
  );

  const end = (event: PointerEvent) => {
    if (!pointers.delete(event.pointerId)) return;
    if (event.type === "pointerup" && travelled <= STILL) moves.pin(under(event), event.shiftKey);
  };
  element.addEventListener("pointerup", end, options);
  element.addEventListener("pointercancel", end, options);
  element.addEventListener("pointerleave", () => pointers.size === 0 && moves.point(null), options);
}
