// One text, broken into lines, of which only those in sight are in the page.

import { effect, useComputed, useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { SIGNS } from "../../draw/colours";
import { breakLines, heightsOf, lineAtRow, lineOf, rowsIn } from "../../layout/passage";
import { largestOf, shadeOf } from "../../layout/shading";
import type { Side } from "../../layout/units";
import type { Context } from "../../parts/context";
import type { Scene } from "../../source/scene";
import { Line } from "./line";
import { measure } from "./measure";
import { pinSpan, pinUnit } from "./pins";
import type { TextStore } from "./store";
import { Strip } from "./strip";
import { tintOf } from "./tint";

interface Props {
  context: Context;
  store: TextStore;
  scene: Scene;
  /** Which it plays: both, or one of them. */
  sides: readonly Side[];
  /** px that it may be high. */
  limit: number;
  label: string;
}

const MARGIN = 12; // rows in the page above and below those in sight
const AIR = 6; // px above the first line and below the last

export function Paragraph({ context, store, scene, sides, limit, label }: Props) {
  const { state, hover, focus, place, theme, find, pins } = context;
  const box = useRef<HTMLDivElement>(null);
  const width = useSignal(0);
  const top = useSignal(0);
  const entry = useSignal(-1); // the unit that the keyboard stands on
  const anchor = useRef(-1); // where a span begins
  const wantsFocus = useRef(-1);
  const pressed = useRef<{ unit: number; x: number; y: number } | null>(null);
  const own = sides.length > 1 ? store.picks.value : (sides[0] as Side);
  const units = scene.units[own];
  const count = units.labels.length;
  const isLarge = count <= LARGE.upTo;
  const row = isLarge ? LARGE.row : ROW;

  // Only the width comes from the host: no layout reacts to its own height.
  useLayoutEffect(() => {
    const element = box.current as HTMLDivElement;
    const read = () => {
      width.value = element.clientWidth;
    };
    const observer = new ResizeObserver(read);
    read();
    observer.observe(element);
    return () => observer.disconnect();
  }, [width]);

  const widths = useMemo(() => box.current && measure(units, box.current), [units, isLarge, width.value > 0]);
  const passage = useMemo(
    () => widths && breakLines(units.parts, widths.units, widths.gaps, width.value - 2 * INSET),
    [units, widths, width.value],
  );
  const heights = useMemo(() => passage && heightsOf(passage, count), [passage, count]);
  const rows = passage ? rowsIn(passage) : 0;
  const high = rows * row + 2 * AIR;
  const height = Math.min(limit, Math.max(high, LEAST));
  const scrolls = high > height;

  // What is in sight.
  const firstRow = Math.floor(Math.max(0, top.value - AIR) / row);
  const lastRow = Math.floor((top.value + height - AIR) / row);
  const firstLine = passage ? lineAtRow(passage, Math.max(0, firstRow - MARGIN)) : 0;
  const lastLine = passage ? lineAtRow(passage, Math.min(rows - 1, lastRow + MARGIN)) : -1;
  const startOf = (line: number) => passage?.starts[line] ?? 0;

  const scrollTo = (y: number) => {
    const element = box.current as HTMLDivElement;
    element.scrollTop = y;
    top.value = element.scrollTop;
  };
  /** Into the middle, unless it is in sight. */
  const bring = (unit: number) => {
    if (!passage || unit < 0 || unit >= count) return;
    const y = (passage.rows[lineOf(passage, unit)] ?? 0) * row + AIR;
    if (y < top.peek() + 4 || y + row > top.peek() + height - 4) scrollTo(y - (height - row) / 2);
  };
  const bringing = useRef(bring);
  bringing.current = bring;

  // A place that somebody asked to see, and what is pinned from elsewhere.
  useLayoutEffect(() => {
    if (!passage) return;
    let before = new Set<number>();
    let isFirst = true;
    return effect(() => {
      const asked = place.value;
      const now = sides.flatMap((side) =>
        scene.units[side].of((side === "query" ? state.traits.queries : state.traits.keys).value),
      );
      const added = now.filter((unit) => !before.has(unit));
      const isAsked = asked !== null && asked !== lastAsked.current && sides.includes(asked.side);
      before = new Set(now);
      if (isAsked) {
        lastAsked.current = asked;
        const [unit = -1] = scene.units[asked.side].of([asked.token]);
        store.marked.value = asked;
        bringing.current(unit);
      } else if (added.length > 0 && !(isFirst && store.marked.peek())) {
        bringing.current(added[0] as number);
      }
      isFirst = false;
    });
  }, [passage, scene.units]);
  const lastAsked = useRef<typeof place.value>(null);

  // The keyboard goes on where it was sent, once that is in the page.
  useLayoutEffect(() => {
    if (wantsFocus.current < 0) return;
    pieceOf(wantsFocus.current)?.focus({ preventScroll: true });
    wantsFocus.current = -1;
  });

  const pieceOf = (unit: number) => box.current?.querySelector<HTMLElement>(`[data-index="${unit}"]`);
  const goTo = (unit: number) => {
    const to = Math.min(count - 1, Math.max(0, unit));
    bring(to);
    entry.value = to;
    const there = pieceOf(to);
    if (there) there.focus({ preventScroll: true });
    else wantsFocus.current = to;
  };
  /** The unit above or below, at the same place of its line. */
  const beside = (unit: number, step: number): number => {
    if (!passage) return unit;
    const line = lineOf(passage, unit) + step;
    if (line < 0 || line + 1 >= passage.starts.length) return unit;
    const middle = middleOf(pieceOf(unit));
    let [best, nearest] = [startOf(line), Number.POSITIVE_INFINITY];
    for (let at = startOf(line); at < startOf(line + 1); at++) {
      const distance = Math.abs(middleOf(pieceOf(at)) - middle);
      if (distance < nearest) [best, nearest] = [at, distance];
    }
    return best;
  };

  const unitAt = (event: PointerEvent | MouseEvent): number => {
    const root = (box.current as Element).getRootNode() as ShadowRoot;
    return unitOf(root.elementFromPoint(event.clientX, event.clientY));
  };
  // With something pinned, what is pointed at belongs to the other side, which is shaded.
  const hoveredSide = () => (sides.length > 1 && pins.value ? (store.shades.value?.side ?? own) : own);
  const point = (unit: number) => {
    hover.value = unit < 0 ? null : { side: hoveredSide(), unit };
  };
  const letGo = () => {
    store.marked.value = null;
    hover.value = null; // what is pinned is read first
  };
  const pin = (unit: number, add: boolean) => {
    letGo();
    anchor.current = unit;
    pinUnit(state, units, own, unit, add);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const unit = unitOf(event.target as Element);
    if (unit < 0) return;
    const to = {
      ArrowLeft: () => unit - 1,
      ArrowRight: () => unit + 1,
      ArrowUp: () => beside(unit, -1),
      ArrowDown: () => beside(unit, 1),
      Home: () => 0,
      End: () => count - 1,
    }[event.key];
    if (to) {
      event.preventDefault();
      goTo(to());
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      pin(unit, event.shiftKey);
    }
  };

  // Dragging over words pins a span; near the edge the text goes on by itself.
  const frame = useRef(0);
  const dragTo = (event: PointerEvent) => {
    cancelAnimationFrame(frame.current);
    const from = pressed.current;
    if (!from) return;
    const area = (box.current as Element).getBoundingClientRect();
    const past = Math.min(0, event.clientY - area.top - row) + Math.max(0, event.clientY - area.bottom + row);
    const unit = unitAt(event);
    const drag = store.drag.peek();
    const isFar = Math.abs(event.clientX - from.x) + Math.abs(event.clientY - from.y) > 4;
    if (unit >= 0 && (drag || (unit !== from.unit && isFar))) {
      if (!drag) hover.value = null;
      if (drag?.to !== unit) store.drag.value = { side: own, from: from.unit, to: unit };
    }
    if (past !== 0 && store.drag.peek()) {
      frame.current = requestAnimationFrame(() => {
        scrollTo(top.peek() + past / 2);
        dragTo(event);
      });
    }
  };
  const endDrag = (isPinned: boolean) => {
    cancelAnimationFrame(frame.current);
    const drag = store.drag.peek();
    pressed.current = null;
    if (!drag) return;
    store.drag.value = null;
    if (!isPinned) return;
    letGo();
    anchor.current = drag.from;
    pinSpan(state, units, own, drag.from, drag.to);
    justDragged.current = true;
  };
  const justDragged = useRef(false);
  useLayoutEffect(
    () =>
      effect(() => {
        if (!store.drag.value) pressed.current = null; // Escape ends it, too
      }),
    [store],
  );
  useLayoutEffect(() => () => cancelAnimationFrame(frame.current), []);

  // How strongly each unit is shaded.
  const shades = store.shades.value;
  const values = shades && sides.includes(shades.side) ? shades.values : null;
  const largest = useMemo(() => (values ? largestOf(values) : 0), [values]);
  const shading = store.shading.value;
  const strengthOf = useMemo(() => (value: number) => shadeOf(shading, value, largest), [shading, largest]);
  const tint = useComputed(() => tintOf(context, scene)).value;
  const signs = scene.scale.domain === "real" ? SIGNS[theme.value] : null;
  const pinned = useComputed(() => ({
    query: sides.includes("query") ? scene.units.query.of(state.traits.queries.value) : [],
    key: sides.includes("key") ? scene.units.key.of(state.traits.keys.value) : [],
  }));
  const searched = scene.outline.keys ? find.side.value : own;
  const isSearched = sides.includes(searched);
  const found = useMemo(
    () => (isSearched ? units.of([...new Set(find.places.value.flat())]) : []),
    [isSearched, find.places.value, units],
  );
  const foundHere = isSearched ? units.of(find.places.value[find.at.value] ?? []) : [];
  const at = focus.value;
  const focused = sides.flatMap((side) => (side === "query" ? at?.queries : at?.keys) ?? []);
  const marked = store.marked.value;
  const drag = store.drag.value?.side === own ? store.drag.value : null;
  const leftOut = (unit: number) =>
    scene.leftOut !== null &&
    scene.isWhole &&
    shades?.side === "key" &&
    ((scene.leftOut.first && unit === 0) || (scene.leftOut.self && shades.of.includes(unit)));
  const sets = {
    query: new Set(pinned.value.query),
    key: new Set(pinned.value.key),
    found: new Set(found),
    foundHere: new Set(foundHere),
    focused: new Set(focused),
    marked: new Set(marked && sides.includes(marked.side) ? units.of([marked.token]) : []),
  };
  const classOf = (unit: number): string => {
    const value = values?.[unit];
    const classes = [
      "piece",
      units.special[unit] && "special",
      units.generated[unit] && "generated",
      sets.query.has(unit) && `pinned as-query${joined(sets.query, unit)}`,
      sets.key.has(unit) && `pinned as-key${joined(sets.key, unit)}`,
      sets.focused.has(unit) && "focused",
      sets.marked.has(unit) && "marked",
      sets.found.has(unit) && (sets.foundHere.has(unit) ? "hit here" : "hit"),
      drag && unit >= Math.min(drag.from, drag.to) && unit <= Math.max(drag.from, drag.to) && "dragged",
      value === Number.NEGATIVE_INFINITY && (leftOut(unit) ? "left-out" : "forbidden"),
    ];
    return classes.filter(Boolean).join(" ");
  };

  const inPage = { first: startOf(firstLine), stop: startOf(lastLine + 1) };
  const isIn = (unit: number | undefined) => unit !== undefined && unit >= inPage.first && unit < inPage.stop;
  const firstInSight = passage ? startOf(lineAtRow(passage, Math.min(rows - 1, firstRow))) : 0;
  const stop = [entry.value, pinned.value[own][0], firstInSight].find(isIn) ?? inPage.first;
  const lastInSight = passage ? startOf(lineAtRow(passage, Math.min(rows - 1, lastRow)) + 1) : 0;

  const lines = [];
  for (let line = firstLine; passage && line <= lastLine; line++) {
    lines.push(
      <Line
        key={line}
        row={row}
        line={line}
        passage={passage}
        units={units}
        side={own}
        values={values}
        strengthOf={strengthOf}
        signs={signs}
        classOf={classOf}
        stop={stop}
        isPinned={(unit) => sets[own].has(unit)}
      />,
    );
  }
  return (
    <div class="passage-frame" style={tint.style}>
      <div class="passage-side">
        {scrolls && <p class="beyond">{firstInSight > 0 && `… ${firstInSight.toLocaleString("en")} before …`}</p>}
        <div
          ref={box}
          class={`passage${store.waits.value ? " waits" : ""}${isLarge ? " large" : ""}`}
          role="listbox"
          aria-multiselectable="true"
          aria-label={label}
          tabIndex={-1}
          style={{ height: `${height}px` }}
          onScroll={(event) => {
            const element = event.currentTarget;
            const held = unitOf((element.getRootNode() as ShadowRoot).activeElement);
            top.value = element.scrollTop;
            if (held >= 0 && !isNear(held)) element.focus({ preventScroll: true }); // it goes from the page
          }}
          onPointerOver={(event) => !pressed.current && point(unitOf(event.target as Element))}
          onPointerLeave={() => !store.drag.peek() && point(-1)}
          onFocusIn={(event) => {
            const unit = unitOf(event.target as Element);
            if (unit < 0) return;
            entry.value = unit;
            if ((event.target as Element).matches(":focus-visible")) point(unit);
          }}
          onFocusOut={() => point(-1)}
          onPointerDown={(event) => {
            const unit = unitOf(event.target as Element);
            justDragged.current = false;
            if (event.button !== 0 || event.pointerType === "touch" || event.shiftKey || unit < 0) return;
            pressed.current = { unit, x: event.clientX, y: event.clientY };
          }}
          onPointerMove={(event) => {
            if (!pressed.current) return;
            if (event.buttons === 0) {
              endDrag(true); // let go outside
              return;
            }
            dragTo(event);
            if (store.drag.peek()) event.currentTarget.setPointerCapture(event.pointerId);
          }}
          onPointerUp={() => endDrag(true)}
          onPointerCancel={() => endDrag(false)}
          onClick={(event) => {
            const unit = unitOf(event.target as Element);
            if (unit < 0 || justDragged.current) return;
            const [first] = pinned.value[own];
            if (event.shiftKey && (first !== undefined || anchor.current >= 0)) {
              const from = pinned.value[own].includes(anchor.current) ? anchor.current : (first ?? anchor.current);
              letGo();
              pinSpan(state, units, own, from, unit);
            } else {
              pin(unit, event.ctrlKey || event.metaKey);
            }
          }}
          onKeyDown={onKeyDown}
        >
          <div class="passage-lines" style={{ height: `${high}px` }}>
            {lines}
          </div>
        </div>
        {scrolls && (
          <p class="beyond">{lastInSight < count && `… ${(count - lastInSight).toLocaleString("en")} after …`}</p>
        )}
      </div>
      {scrolls && heights && (
        <Strip
          height={height}
          sight={{ top: top.value / high, bottom: (top.value + height) / high, first: firstInSight }}
          heights={heights}
          units={units}
          values={values}
          strengthOf={strengthOf}
          colour={tint.colour}
          signs={signs}
          pinned={pinned.value}
          found={found}
          theme={theme}
          onGo={(to) => scrollTo(to * high - height / 2)}
          onHover={(unit) => point(unit ?? -1)}
        />
      )}
    </div>
  );

  function isNear(unit: number): boolean {
    const line = passage ? lineOf(passage, unit) : 0;
    const at = passage?.rows[line] ?? 0;
    const first = Math.floor(top.peek() / row);
    return at >= first - MARGIN + 2 && at <= first + height / row + MARGIN - 2;
  }
}

/** Pins side by side are one frame. */
const joined = (all: Set<number>, unit: number): string =>
  `${all.has(unit - 1) ? " goes-on" : ""}${all.has(unit + 1) ? " and-more" : ""}`;

const INSET = 16; // px at either end of a line
const ROW = 26; // px
const LARGE = { upTo: 60, row: 36 }; // units of a text that has room for larger letters
const LEAST = 270; // px

const unitOf = (element: Element | null): number =>
  Number(element?.closest<HTMLElement>("[data-index]")?.dataset.index ?? -1);

function middleOf(piece: Element | null | undefined): number {
  const box = piece?.getBoundingClientRect();
  return box ? (box.left + box.right) / 2 : Number.NaN;
}
