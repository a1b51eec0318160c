// How the two sides of the stage are folded and scrolled.

import { batch, computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import {
  type Fold,
  foldToFit,
  isFolded,
  opening,
  rowNear,
  rowOf,
  type Scrolled,
  scrolledAlike,
  unfolded,
  within,
} from "../../layout/fold";
import { bestTop, endsOf, withPinned } from "../../layout/in-sight";
import { rowHeight, stageHeight } from "../../layout/stage";
import type { Span } from "../../layout/tile";
import type { Side } from "../../layout/units";
import type { Context } from "../../parts/context";
import type { Pinned, Shown } from "./shown";

export interface Sides {
  at: Record<Side, ReadonlySignal<Scrolled>>;
  /** px of a row, and of the stage. */
  row: ReadonlySignal<number>;
  height: ReadonlySignal<number>;
  /** The queries in sight where that side is not folded: the first, and one after the last. */
  visible: ReadonlySignal<Span>;
  /** The reader has scrolled. */
  scroll(side: Side, top: number): void;
  /** Bring a row into sight. */
  bring(side: Side, row: number): void;
  /** The row of a unit, or of the gap that it is in. */
  near(side: Side, unit: number): number;
  /** Show a few of the units in a gap. */
  open(side: Side, gap: Span): void;
}

interface Given {
  shown: ReadonlySignal<Shown | null>;
  pinned: ReadonlySignal<Pinned>;
  /** Whose lines are wanted. */
  rowsOf: ReadonlySignal<Side>;
  beside: ReadonlySignal<boolean>;
  limit: number;
  isOnScreen: ReadonlySignal<boolean>;
}

const SIDES = ["query", "key"] as const;

export function createSides({ state, place, scene }: Context, given: Given): [Sides, stop: () => void] {
  const { shown, pinned, rowsOf, beside, limit, isOnScreen } = given;
  const count = computed(() => shown.value?.scene.count ?? scene.value?.count ?? 0);
  const row = computed(() => rowHeight(count.value, limit));
  const height = computed(() => stageHeight(count.value, limit));
  const at = { query: signal<Scrolled>(NOWHERE), key: signal<Scrolled>(NOWHERE) };
  const opened: Record<Side, Signal<readonly Span[]>> = { query: signal([]), key: signal([]) };
  const asked = signal<{ side: Side; unit: number } | null>(null);
  let [run, pins, placed]: [number, string, unknown] = [0, "", null];
  let composed = new Set<number>(); // the rows that the other side was folded to

  const first = computed(() => Math.floor((unfoldedTop() + CUT) / row.value));
  const last = computed(() => Math.ceil((unfoldedTop() + height.value - CUT) / row.value));
  /** Where the queries will be scrolled to once they are unfolded. */
  function unfoldedTop(): number {
    const now = at.query.value;
    return isFolded(now.fold) ? scrolledAlike(now, unfolded(now.fold.count), row.value, height.value) : now.top;
  }

  function set(side: Side, fold: Fold, top: number): void {
    const before = at[side].peek();
    const same = JSON.stringify(before.fold) === JSON.stringify(fold);
    const clipped = within(top, fold, row.peek(), height.peek());
    if (!same || before.top !== clipped) at[side].value = { fold: same ? before.fold : fold, top: clipped };
  }

  const isInSight = ({ fold, top }: Scrolled, unit: number): boolean => {
    const place = rowOf(fold, unit) * row.peek();
    return place >= 0 && place >= top - CUT && place + row.peek() <= top + height.peek() + CUT;
  };

  function bring(side: Side, place: number): void {
    const { fold } = at[side].peek();
    set(side, fold, (place + 0.5) * row.peek() - height.peek() / 2);
  }

  function compose(): void {
    const { scene: now, found, side } = shown.value as Shown;
    if (now.outline.run !== run) {
      run = now.outline.run;
      asked.value = null;
      for (const one of SIDES) opened[one].value = [];
    }
    const stage = Math.floor(height.value / row.value);
    const name = JSON.stringify([state.traits.queries.value, state.traits.keys.value]);
    const other = side === "key" ? "query" : "key";
    const own = side ? pinned.value[side] : [];
    const isHere = !side || (side === rowsOf.value && own.every((unit) => found?.rows.has(unit)));
    const isNew = name !== pins && isHere;
    // Of pins that are let go the last picture stays until another comes: rows in sight depend on the fold themselves.
    const held = side === "key" ? [...composed] : withPinned(visible.value, []);
    const base = own.length > 0 ? own : held;
    const ends = found && !beside.value ? endsOf(found.rows, base) : null;
    for (const one of SIDES) {
      const total = now.units[one].labels.length;
      const extra = [...pinned.value[one], ...(asked.value?.side === one ? [asked.value.unit] : [])];
      const fold =
        ends && one === other
          ? foldToFit([...ends.keys(), ...extra.filter((unit) => unit < total)], total, stage, opened[one].value)
          : unfolded(total);
      const before = at[one].peek();
      set(one, fold, before.fold.count > 0 ? scrolledAlike(before, fold, row.value, height.value, extra) : 0);
      const after = at[one].peek();
      if (isNew && pinned.value[one].length > 0) {
        const [unit = 0] = pinned.value[one];
        if (!pinned.value[one].some((unit) => isInSight(after, unit))) bring(one, rowNear(fold, unit));
      } else if (ends && ends.size > 0 && one === other) {
        const strongest = [...ends].reduce((best, end) => (end[1] > best[1] ? end : best));
        const rows = [...ends].map(([unit, strength]) => [rowOf(fold, unit), strength] as const);
        const best = bestTop(rows, row.value, height.value);
        const seen = (top: number) =>
          [...ends].reduce((sum, [unit, end]) => sum + (isInSight({ fold, top }, unit) ? end : 0), 0);
        const isThere = isNew
          ? isInSight(after, strongest[0])
          : seen(after.top) >= ENOUGH * seen(within(best, fold, row.value, height.value));
        const isElsewhere = !base.some((unit) => composed.has(unit));
        if (!isThere || isElsewhere || before.fold.count === 0) set(one, fold, best);
      }
    }
    composed = new Set(base);
    if (isNew) pins = name;
    if (beside.value && at.key.peek().top !== at.query.peek().top) set("key", at.key.peek().fold, at.query.peek().top);
    const wanted = place.value;
    if (wanted && wanted !== placed && isOnScreen.value && asked.value) {
      placed = wanted;
      bring(asked.value.side, rowNear(at[asked.value.side].peek().fold, asked.value.unit));
      if (beside.value) scroll(asked.value.side, at[asked.value.side].peek().top);
    }
  }

  function scroll(side: Side, top: number): void {
    batch(() => {
      for (const one of beside.peek() ? SIDES : [side]) {
        const { fold } = at[one].peek();
        if (at[one].peek().top !== top) at[one].value = { fold, top };
      }
    });
  }

  const visible = computed((): Span => [first.value, last.value]);
  const stops = [
    effect(() => {
      const wanted = place.value;
      const units = scene.value?.units;
      if (!wanted || wanted === placed || !units || !isOnScreen.value) return;
      const [unit] = units[wanted.side].of([wanted.token]);
      if (unit !== undefined) asked.value = { side: wanted.side, unit };
    }),
    effect(() => {
      if (shown.value) compose();
    }),
  ];
  const sides = {
    ...{ at, row, height, visible, scroll, bring },
    near: (side: Side, unit: number) => rowNear(at[side].peek().fold, unit),
    open(side: Side, gap: Span) {
      opened[side].value = [...opened[side].value, opening(gap)];
    },
  };
  return [sides, () => stops.forEach((stop) => void stop())];
}

const ENOUGH = 0.4; // of the most that could be in sight: with less, the folded side is scrolled there
const CUT = 3; // px of a row that do not count
const NOWHERE: Scrolled = { fold: unfolded(0), top: 0 };
