// What the lines view holds in one mounted widget: never synced.

import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { edgesFrom, indexEdges } from "../../layout/edge-index";
import { type Edges, edgesWhere, focusEdges } from "../../layout/edges";
import { type Line, linesOf, withPinned } from "../../layout/in-sight";
import { addsUp, type Scale, scaleTo, WEIGHTS } from "../../layout/scale";
import { fitsStage, linesCarried, rowHeight, stageLimit } from "../../layout/stage";
import type { Row, Rule } from "../../layout/strongest";
import type { Span } from "../../layout/tile";
import type { Side } from "../../layout/units";
import type { Context, InSight } from "../../parts/context";
import { createLineSource } from "../../source/lines";
import type { Pinned, Shown } from "./shown";
import { createSides, type Sides } from "./sides";

/** The texts of a pair that attend and are attended to, 0 or 1; of a chat's turns whether the same; null for all. */
export type TextPart = readonly [number, number] | boolean | null;

export interface LinesStore {
  part: Signal<TextPart>;
  /** The threshold of the lines drawn: it follows the trait once a frame. */
  threshold: ReadonlySignal<number>;
  shown: ReadonlySignal<Shown | null>;
  /** Whether that is what is wanted now. */
  complete: ReadonlySignal<boolean>;
  /** How strongly numbers are drawn. */
  scale: ReadonlySignal<Scale>;
  /** Whether some are larger than its end: with pins it goes by those. */
  overflows: ReadonlySignal<boolean>;
  /** All lines to be drawn; `dropped` counts those that were too many. */
  edges: ReadonlySignal<Edges>;
  /** Those of them that are in focus. */
  focused: ReadonlySignal<Edges>;
  sides: Sides;
  /** Whether the other side shows what stands beside, as in a text that fits, or what matters. */
  beside: Signal<boolean>;
}

const NO_EDGES = edgesFrom(indexEdges([]), 0);
const USUAL = 0.02; // the trait's default: weights of a long text are smaller
const OF_ROW = 32; // lines of a row that are drawn by their least number, of all heads
const STANDS = 80; // ms
const PINNED_MAX = 128; // pinned units whose lines are drawn

export function createStore(context: Context): LinesStore {
  const { state, scene, focus, looks, problem, inSight, abort, client } = context;
  const part = signal<TextPart>(null);
  const beside = signal(false);
  const threshold = signal(state.traits.threshold.peek());
  // Read once: a frame that grows with its content would else follow the picture, and the picture it.
  const limit = stageLimit(window.innerHeight);
  const source = createLineSource(client, problem, abort);
  const shown = signal<Shown | null>(null);
  const complete = signal(false);
  const isOnScreen = computed(() => state.traits.view.value === "lines");
  const stops: (() => void)[] = [];
  let frame = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  stops.push(
    effect(() => {
      const wanted = state.traits.threshold.value;
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        threshold.value = wanted;
      });
    }),
  );

  const pinned = computed((): Pinned => {
    const units = scene.value?.units;
    const { queries, keys } = state.traits;
    return {
      query: units?.query.of(queries.value).slice(0, PINNED_MAX) ?? [],
      key: units?.key.of(keys.value).slice(0, PINNED_MAX) ?? [],
    };
  });
  /** Whose rows are drawn: of pinned keys alone theirs, else those of the queries. */
  const rowsOf = computed((): Side => {
    const { query, key } = pinned.value;
    return !beside.value && query.length === 0 && key.length > 0 ? "key" : "query";
  });
  const by = computed((): InSight["by"] => {
    const { isWhole, scale } = scene.value ?? {};
    if (scale && (!addsUp(scale) || (!isWhole && scale.domain !== "share"))) return "strongest";
    return looks.linesBy.value ?? (threshold.value === USUAL ? "strongest" : "least");
  });
  const rule = computed((): Rule => {
    const heads = scene.value?.drawn.length ?? 1;
    const rows = Math.floor(limit / rowHeight(scene.value?.count ?? 1, limit));
    return by.value === "strongest"
      ? { count: looks.linesCount.value ?? linesCarried(rows, heads), least: 0 }
      : { count: Math.floor(OF_ROW / heads), least: threshold.value * (scene.value?.scale.limit ?? 1) };
  });

  const [sides, leaveSides] = createSides(context, { shown, pinned, rowsOf, beside, limit, isOnScreen });
  stops.push(leaveSides);

  stops.push(
    effect(() => {
      const now = scene.value;
      if (!now || !isOnScreen.value) return;
      if (fitsStage(now.count, limit)) {
        shown.value = { scene: now, side: null, found: null };
        complete.value = true;
        return;
      }
      const side = rowsOf.value;
      const { query, key } = pinned.value;
      source.arrived.value;
      const queries = now.units.query.labels.length;
      const visible = clip(sides.visible.value, queries);
      const rows = side === "key" ? key : withPinned(visible, query);
      const found = source.find({
        scene: now,
        side,
        rule: rule.value,
        words: state.traits.words.peek(),
        measure: state.traits.measure.peek(),
        rows,
        around: side === "key" ? null : around(visible, queries),
      });
      // What is on its way leaves the last picture; of the same lines, what is here is drawn.
      const before = shown.peek();
      if (found.complete || (before?.found?.name === found.name && before.scene === now)) {
        shown.value = { scene: now, side, found };
      }
      complete.value = found.complete;
    }),
  );

  stops.push(
    effect(() => {
      const { found, side } = shown.value ?? {};
      const wanted = side === "query" ? withPinned(sides.visible.value, pinned.value.query) : [];
      const rows = new Map(
        wanted.flatMap((row) => (found?.rows.has(row) ? [[row, found.rows.get(row) as Row] as const] : [])),
      );
      const now = isOnScreen.value && found ? { by: by.value, rule: rule.value, rows } : null;
      const before = inSight.peek();
      const tell = () => {
        inSight.value = now;
      };
      clearTimeout(timer);
      // Of what is scrolled past nothing is told: panels follow when it stands.
      if (now && before?.by === now.by && before.rule === now.rule) timer = setTimeout(tell, STANDS);
      else tell();
    }),
  );
  abort.addEventListener("abort", () => {
    for (const stop of stops) stop();
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  });

  const index = computed(() => {
    const now = shown.value;
    return indexEdges(now && !now.found ? now.scene.drawn : [], now?.scene.scale);
  });
  /** The lines between one pinned query and the pinned keys, weak ones too: somebody asked for them. */
  const ofPair = computed((): Line[] => {
    const { query, key } = pinned.value;
    const [row, ...others] = query;
    const { scene: now, side } = shown.value ?? {};
    const profile = context.pinned.value;
    if (row === undefined || others.length > 0 || side !== "query" || profile?.side !== "key") return [];
    const isOfThis =
      profile.outline === now?.outline && profile.measure === now.scale.name && `${profile.of}` === `${row}`;
    if (!isOfThis || now.together || `${profile.heads}` !== `${now.heads}`) return [];
    return profile.byHead.flatMap((values, head) =>
      key
        .map((unit) => ({ row, unit, head, value: values[unit] ?? Number.NaN }))
        .filter(({ value }) => Number.isFinite(value) && value !== 0),
    );
  });
  const lines = computed(() => {
    const { found, side } = shown.value ?? {};
    if (!found || !side) return null;
    const { query, key } = pinned.value;
    return linesOf(found.rows, side, side === "key" ? key : withPinned(sides.visible.value, query), ofPair.value);
  });
  /** The largest of what is pinned, else of all that is in sight. */
  const largest = computed(() => {
    const { found, side } = shown.value ?? {};
    if (!found || !side) return 0;
    const own = linesOf(found.rows, side, pinned.value[side]).largest;
    return own > 0 ? own : (lines.value?.largest ?? 0);
  });
  const scale = computed(() => {
    const { scene: now } = shown.value ?? {};
    return now && lines.value ? scaleTo(now.scale, largest.value) : (now?.scale ?? WEIGHTS);
  });
  const overflows = computed(() => (lines.value?.largest ?? 0) > scale.value.limit);
  const edges = computed(() => {
    const found = lines.value;
    const dropped = found && by.value === "least" ? found.more : 0;
    const all = found ? { ...found.edges(scale.value), dropped } : edgesFrom(index.value, threshold.value);
    const units = shown.value?.scene.units;
    const wanted = part.value;
    const [from, to] = [units?.query.segments, units?.key.segments];
    if (wanted === null || !from || !to) return all;
    const isMeant = (query: number, key: number) =>
      typeof wanted === "boolean"
        ? (from[query] === to[key]) === wanted
        : from[query] === wanted[0] && to[key] === wanted[1];
    return { ...edgesWhere(all, isMeant), dropped: all.dropped };
  });
  const focused = computed(() => {
    const at = focus.value;
    return at ? focusEdges(edges.value, at.queries, at.keys) : NO_EDGES;
  });
  return { part, threshold, shown, complete, scale, overflows, edges, focused, sides, beside };
}

function clip([start, stop]: Span, count: number): Span {
  return start < count ? [Math.max(0, start), Math.min(stop, count)] : [Math.max(0, count - (stop - start)), count];
}

/** A stage more on either side: what a little scrolling brings is here. */
const around = ([start, stop]: Span, count: number): Span => clip([2 * start - stop, 2 * stop - start], count);
