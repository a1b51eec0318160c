// What the pointer and the keys do in a text: point, pin, drag over a span, walk.

import { effect } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Side, Units } from "../../layout/units";
import type { Context } from "../../parts/context";
import { pinSpan, pinUnit } from "./pins";
import type { TextStore } from "./store";

/** The text that they are done in. */
export interface Ground {
  /** It scrolls. */
  box: { current: HTMLElement | null };
  units: Units;
  /** Which parts it plays, and the one that clicks pin. */
  sides: readonly Side[];
  own: Side;
  /** px that a row is high. */
  row: number;
  /** Put the keyboard on a unit. */
  goTo(unit: number): void;
  /** The unit so many lines below, at the same place of its line. */
  beside(unit: number, lines: number): number;
  scrollBy(distance: number): void;
}

/** The unit that an element shows, or −1. */
export const unitOf = (element: Element | null): number =>
  Number(element?.closest<HTMLElement>("[data-index]")?.dataset.index ?? -1);

const FAR = 4; // px that the pointer moves before it drags

export function useGestures(context: Context, store: TextStore, ground: Ground) {
  const now = useRef(ground);
  now.current = ground;
  const gestures = useMemo(() => createGestures(context, store, () => now.current), [context, store]);
  useLayoutEffect(() => gestures.start(), [gestures]);
  return gestures;
}

function createGestures({ state, hover, pins }: Context, store: TextStore, here: () => Ground) {
  let pressed: { unit: number; x: number; y: number } | null = null;
  let hasDragged = false; // the click that follows is its end
  let anchor = -1; // where a span begins
  let frame = 0;

  // With something pinned, what is pointed at is of the side that is shaded.
  const point = (unit: number) => {
    const { own, sides } = here();
    const side = sides.length > 1 && pins.peek() ? (store.shades.peek()?.side ?? own) : own;
    hover.value = unit < 0 ? null : { side, unit };
  };
  const letGo = () => {
    store.marked.value = null;
    hover.value = null; // what is pinned is read first
  };
  const pin = (unit: number, add: boolean) => {
    const { units, own } = here();
    letGo();
    anchor = unit;
    pinUnit(state, units, own, unit, add);
  };
  const pinTo = (from: number, to: number) => {
    const { units, own } = here();
    letGo();
    anchor = from;
    pinSpan(state, units, own, from, to);
  };

  /** Near the edge the text goes on by itself. */
  const dragTo = (event: PointerEvent) => {
    cancelAnimationFrame(frame);
    const { box, own, row } = here();
    if (!pressed || !box.current) return;
    const area = box.current.getBoundingClientRect();
    const past = Math.min(0, event.clientY - area.top - row) + Math.max(0, event.clientY - area.bottom + row);
    const unit = unitOf((box.current.getRootNode() as ShadowRoot).elementFromPoint(event.clientX, event.clientY));
    const drag = store.drag.peek();
    const isFar = Math.abs(event.clientX - pressed.x) + Math.abs(event.clientY - pressed.y) > FAR;
    if (unit >= 0 && unit !== drag?.to && (drag || (unit !== pressed.unit && isFar))) {
      hover.value = null;
      store.drag.value = { side: own, from: pressed.unit, to: unit };
    }
    if (past === 0 || !store.drag.peek()) return;
    frame = requestAnimationFrame(() => {
      here().scrollBy(past / 2);
      dragTo(event);
    });
  };
  const endDrag = (isPinned: boolean) => {
    cancelAnimationFrame(frame);
    const drag = store.drag.peek();
    pressed = null;
    if (!drag) return;
    store.drag.value = null;
    hasDragged = true;
    if (isPinned) pinTo(drag.from, drag.to);
  };

  return {
    /** Listen until the returned function is called. */
    start() {
      const stop = effect(() => {
        if (!store.drag.value) pressed = null; // Escape ends it, too
      });
      return () => {
        stop();
        cancelAnimationFrame(frame);
      };
    },
    point,
    onPointerOver(event: PointerEvent) {
      if (!pressed) point(unitOf(event.target as Element));
    },
    onPointerLeave() {
      if (!store.drag.peek()) point(-1);
    },
    onPointerDown(event: PointerEvent) {
      const unit = unitOf(event.target as Element);
      hasDragged = false;
      // A finger scrolls.
      if (event.button !== 0 || event.pointerType === "touch" || event.shiftKey || unit < 0) return;
      pressed = { unit, x: event.clientX, y: event.clientY };
    },
    onPointerMove(event: PointerEvent) {
      if (!pressed) return;
      if (event.buttons === 0) {
        endDrag(true); // let go outside
        return;
      }
      dragTo(event);
      if (store.drag.peek()) (event.currentTarget as Element).setPointerCapture(event.pointerId);
    },
    onPointerUp: () => endDrag(true),
    onPointerCancel: () => endDrag(false),
    onClick(event: MouseEvent) {
      const { units, own } = here();
      const unit = unitOf(event.target as Element);
      if (unit < 0 || hasDragged) return;
      const pinned = units.of(state.traits[own === "query" ? "queries" : "keys"].peek());
      const from = pinned.includes(anchor) ? anchor : pinned[0];
      if (event.shiftKey && from !== undefined) pinTo(from, unit);
      else pin(unit, event.ctrlKey || event.metaKey);
    },
    onKeyDown(event: KeyboardEvent) {
      const { units, goTo, beside } = here();
      const unit = unitOf(event.target as Element);
      if (unit < 0) return;
      const to = {
        ArrowLeft: () => unit - 1,
        ArrowRight: () => unit + 1,
        ArrowUp: () => beside(unit, -1),
        ArrowDown: () => beside(unit, 1),
        Home: () => 0,
        End: () => units.labels.length - 1,
      }[event.key];
      if (to) {
        event.preventDefault();
        goTo(to());
      } else if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        pin(unit, event.shiftKey);
      }
    },
  };
}
