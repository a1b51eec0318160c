// One text, broken into lines, of which only those in sight are in the page.

import { effect, useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { breakLines, heightsOf, lineAtRow, lineOf, rowsIn } from "../../layout/passage";
import type { Side } from "../../layout/units";
import type { Context } from "../../parts/context";
import type { Scene } from "../../source/scene";
import { unitOf, useGestures } from "./gestures";
import { Line } from "./line";
import { useLooks } from "./looks";
import { measure } from "./measure";
import type { TextStore } from "./store";
import { Strip } from "./strip";

interface Props {
  context: Context;
  store: TextStore;
  scene: Scene;
  /** Which it plays: both parts, or one of them. */
  sides: readonly Side[];
  /** px that it may be high. */
  limit: number;
  label: string;
}

const MARGIN = 12; // rows in the page above and below those in sight
const AIR = 6; // px above the first line and below the last
const INSET = 16; // px at either end of a line
const ROW = 26; // px
const LARGE = { upTo: 60, row: 36 }; // units of a text that has room for larger letters
const LEAST = 270; // px

export function Paragraph({ context, store, scene, sides, limit, label }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const width = useSignal(0);
  const top = useSignal(0);
  const entry = useSignal(-1); // the unit that the keyboard stands on
  const wantsFocus = useRef(-1); // a unit that is not in the page yet
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
    () =>
      widths && width.value > 0 ? breakLines(units.parts, widths.units, widths.gaps, width.value - 2 * INSET) : null,
    [units, widths, width.value],
  );
  const heights = useMemo(() => passage && heightsOf(passage, count), [passage, count]);
  const rows = passage ? rowsIn(passage) : 0;
  const high = rows * row + 2 * AIR;
  const height = Math.min(limit, Math.max(high, LEAST));
  const scrolls = high > height;
  const startOf = (line: number) => passage?.starts[line] ?? 0;
  const lineAt = (atRow: number) =>
    passage ? lineAtRow(passage, Math.min(rows - 1, Math.max(0, Math.floor(atRow)))) : 0;

  const scrollTo = (y: number) => {
    const element = box.current as HTMLDivElement;
    element.scrollTop = y;
    top.value = element.scrollTop;
  };
  /** Into the middle, unless it is in sight. */
  const bring = (unit: number | undefined) => {
    if (!passage || unit === undefined || unit >= count) return;
    const y = (passage.rows[lineOf(passage, unit)] ?? 0) * row + AIR;
    if (y < top.peek() + 4 || y + row > top.peek() + height - 4) scrollTo(y - (height - row) / 2);
  };
  useBringing(context, store, scene, sides, passage, bring);

  const pieceOf = (unit: number) => box.current?.querySelector<HTMLElement>(`[data-index="${unit}"]`);
  const gestures = useGestures(context, store, {
    ...{ box, units, sides, own, row },
    goTo(unit) {
      const to = Math.min(count - 1, Math.max(0, unit));
      bring(to);
      entry.value = to;
      const there = pieceOf(to);
      if (there) there.focus({ preventScroll: true });
      else wantsFocus.current = to;
    },
    beside(unit, lines) {
      if (!passage) return unit;
      const line = lineOf(passage, unit) + lines;
      if (line < 0 || line + 1 >= passage.starts.length) return unit;
      const middle = middleOf(pieceOf(unit));
      const distance = (at: number) => Math.abs(middleOf(pieceOf(at)) - middle);
      let best = startOf(line);
      for (let at = best; at < startOf(line + 1); at++) if (distance(at) < distance(best)) best = at;
      return best;
    },
    scrollBy: (distance) => scrollTo(top.peek() + distance),
  });
  useLayoutEffect(() => {
    if (wantsFocus.current < 0) return;
    pieceOf(wantsFocus.current)?.focus({ preventScroll: true });
    wantsFocus.current = -1;
  });

  const looks = useLooks(context, store, scene, sides, own);
  const [firstRow, lastRow] = [(top.value - AIR) / row, (top.value + height - AIR) / row];
  const [firstLine, lastLine] = [lineAt(firstRow - MARGIN), lineAt(lastRow + MARGIN)];
  const sight = { first: startOf(lineAt(firstRow)), stop: startOf(lineAt(lastRow) + 1) };
  const isIn = (unit: number | undefined) =>
    unit !== undefined && unit >= startOf(firstLine) && unit < startOf(lastLine + 1);
  const stop = [entry.value, looks.pinned[own][0], sight.first].find(isIn) ?? startOf(firstLine);
  const lines = useMemo(() => {
    if (!passage) return null;
    const all = Array.from({ length: lastLine - firstLine + 1 }, (_, at) => firstLine + at);
    return all.map((line) => (
      <Line key={line} row={row} line={line} passage={passage} units={units} side={own} looks={looks} stop={stop} />
    ));
  }, [passage, units, own, looks, stop, row, firstLine, lastLine]);

  return (
    <div class="passage-frame" style={looks.tint.style}>
      <div class="passage-side">
        {scrolls && <p class="beyond">{sight.first > 0 && `… ${sight.first.toLocaleString("en")} before …`}</p>}
        <div
          ref={box}
          class={`passage${store.waits.value ? " waits" : ""}${isLarge ? " large" : ""}`}
          role="listbox"
          aria-multiselectable="true"
          aria-label={label}
          tabIndex={-1}
          style={{ height: `${height}px` }}
          onScroll={({ currentTarget: element }) => {
            const held = unitOf((element.getRootNode() as ShadowRoot).activeElement);
            const { scrollTop } = element;
            const line = passage && held >= 0 ? (passage.rows[lineOf(passage, held)] ?? 0) : -1;
            const isKept = line >= scrollTop / row - MARGIN + 2 && line <= (scrollTop + height) / row + MARGIN - 2;
            if (line >= 0 && element.contains(pieceOf(held) ?? null) && !isKept) {
              element.focus({ preventScroll: true }); // what has the focus goes from the page
            }
            top.value = scrollTop;
          }}
          onPointerOver={gestures.onPointerOver}
          onPointerLeave={gestures.onPointerLeave}
          onPointerDown={gestures.onPointerDown}
          onPointerMove={gestures.onPointerMove}
          onPointerUp={gestures.onPointerUp}
          onPointerCancel={gestures.onPointerCancel}
          onClick={gestures.onClick}
          onKeyDown={gestures.onKeyDown}
          onFocusIn={(event) => {
            const piece = event.target as Element;
            if (unitOf(piece) < 0) return;
            entry.value = unitOf(piece);
            if (piece.matches(":focus-visible")) gestures.point(unitOf(piece));
          }}
          onFocusOut={() => gestures.point(-1)}
        >
          <div class="passage-lines" style={{ height: `${high}px` }}>
            {lines}
          </div>
        </div>
        {scrolls && (
          <p class="beyond">{sight.stop < count && `… ${(count - sight.stop).toLocaleString("en")} after …`}</p>
        )}
      </div>
      {scrolls && heights && (
        <Strip
          height={height}
          sight={{ top: top.value / high, bottom: (top.value + height) / high, first: sight.first }}
          heights={heights}
          units={units}
          looks={looks}
          theme={context.theme}
          onGo={(to) => scrollTo(to * high - height / 2)}
          onHover={(unit) => gestures.point(unit ?? -1)}
        />
      )}
    </div>
  );
}

/** Bring a place into sight that somebody asked to see, and what is pinned from elsewhere. */
function useBringing(
  { place, state }: Context,
  store: TextStore,
  scene: Scene,
  sides: readonly Side[],
  passage: object | null,
  bring: (unit: number | undefined) => void,
): void {
  const bringing = useRef(bring);
  bringing.current = bring;
  useLayoutEffect(() => {
    if (!passage) return;
    const { units, outline } = scene;
    let before: Set<number> | null = null;
    return effect(() => {
      const asked = place.value;
      const { queries, keys } = state.traits;
      const pinned = sides.flatMap((side) => units[side].of((side === "query" ? queries : keys).value));
      const added = pinned.filter((unit) => !before?.has(unit));
      const isNew = asked !== null && asked !== store.answered && sides.includes(asked.side);
      if (isNew) {
        store.answered = asked;
        store.marked.value = { ...asked, run: outline.run };
      }
      const marked = store.marked.peek();
      const isMarked = marked?.run === outline.run && sides.includes(marked.side);
      if (isMarked && (isNew || before === null)) bringing.current(units[marked.side].of([marked.token])[0]);
      else bringing.current(added[0]);
      before = new Set(pinned);
    });
  }, [passage, scene.units]);
}

function middleOf(piece: Element | null | undefined): number {
  const box = piece?.getBoundingClientRect();
  return box ? (box.left + box.right) / 2 : Number.NaN;
}
