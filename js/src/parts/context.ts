// What every panel and view of a mounted widget is given.

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Theme } from "../host";
import { type Focus, focusOf, type Hover, hoverWithin } from "../layout/focus";
import { type NumberTable, pairTable, profileTable } from "../layout/number-table";
import type { Row, Rule } from "../layout/strongest";
import type { Side } from "../layout/units";
import { createProfile, isCheap, type Profile, profileName } from "../source/profile";
import { createRanking, type Ranking } from "../source/ranking";
import { createScene, type Scene } from "../source/scene";
import type { Source } from "../source/source";
import { type CategoryStore, createCategories } from "../state/categories";
import { createFind, type Find } from "../state/find";
import { createLooks, type LinesBy, type Looks } from "../state/looks";
import { createMasks, type Masks } from "../state/masks";
import type { State } from "../state/state";
import type { Client } from "../wire/client";
import type { Head, Outline, Save } from "../wire/schema";

/** Draws figures of what is on screen: the code of it travels by itself. */
export interface Figures {
  /** Null for numbers, which are here anyway; rejects for what takes a kernel. */
  fileHere(context: Context, format: Save["format"], look: Look): Promise<BlobPart | null>;
}

export type Look = Pick<Save, "width" | "theme" | "background">;

/** What the host and the model's session bring. */
export interface Mounted {
  state: State;
  client: Client;
  source: Source;
  theme: ReadonlySignal<Theme>;
  /** Null where that code did not come along. */
  figures(): Promise<Figures | null>;
  /** Ends what the widget started. */
  abort: AbortSignal;
}

/** What stands on screen: panels go by it, so that they never run ahead of the picture. */
export interface OnScreen {
  outline: Outline;
  heads: Head[];
}

/** What is drawn of a text that is longer than its stage. */
export interface InSight {
  /** So many of each row, or all from a least number on. */
  by: LinesBy;
  rule: Rule;
  /** By query: those that are drawn. */
  rows: ReadonlyMap<number, Row>;
}

export interface Context extends Mounted {
  categories: CategoryStore;
  /** Whether the view on screen draws tiles. */
  drawsTiles: ReadonlySignal<boolean>;
  /** What the view on screen shows where a difference is chosen; empty where it draws that. */
  noDifference: ReadonlySignal<string>;
  /** Whether the view on screen leaves out what is below the threshold. */
  hasThreshold: ReadonlySignal<boolean>;
  scene: ReadonlySignal<Scene | null>;
  looks: Looks;
  onScreen: ReadonlySignal<OnScreen | null>;
  /** Every head's number of the pinned pair; null where nothing is pinned. */
  ranking: ReadonlySignal<Ranking | null>;
  /** Told by a view that draws the strongest lines of what is in sight; else null. */
  inSight: Signal<InSight | null>;
  hover: Signal<Hover>;
  focus: ReadonlySignal<Focus | null>;
  /** Between the focus and everything on the other side. */
  profile: ReadonlySignal<Profile | null>;
  /** What is pinned, without what is hovered; and between that and everything on the other side. */
  pins: ReadonlySignal<Focus | null>;
  pinned: ReadonlySignal<Profile | null>;
  /** The same as the largest number in all heads; null while nobody wants it. */
  everywhere: ReadonlySignal<Profile | null>;
  /** A place in the text that somebody asked to see: each view brings it into sight. A new object for every asking. */
  place: Signal<{ side: Side; token: number } | null>;
  find: Find;
  masks: Masks;
  /** The exact numbers of what is in focus, so many rows at most; null where there are none here. */
  numbers(most?: number): NumberTable | null;
  /** Whether what the model expects next is shown. */
  tellsNext: Signal<boolean>;
  /** Whether the reader is choosing what to compare with. */
  chooses: Signal<boolean>;
  /** What went wrong with something that was asked for; empty if nothing did. */
  problem: Signal<string>;
}

export function createContext(
  mounted: Mounted,
  drawsTiles: ReadonlySignal<boolean>,
  hasThreshold: ReadonlySignal<boolean>,
  noDifference: ReadonlySignal<string>,
  onScreen: ReadonlySignal<OnScreen | null>,
  viewsNumbers: () => NumberTable | null,
): Context {
  const { state, client, source, abort } = mounted;
  const inSight = signal<InSight | null>(null);
  const problem = signal("");
  const hover = signal<Hover>(null);
  const looks = createLooks();
  const scene = createScene(state, source, looks, drawsTiles, problem, abort);
  const focus = computed(() => {
    const units = scene.value?.units;
    if (!units) return null;
    const { queries, keys } = state.traits;
    return focusOf(hoverWithin(hover.value, units), units.query.of(queries.value), units.key.of(keys.value));
  });
  const pins = computed(() => {
    const units = scene.value?.units;
    if (!units) return null;
    return focusOf(null, units.query.of(state.traits.queries.value), units.key.of(state.traits.keys.value));
  });
  // One question where what is in focus is what is pinned.
  const nameOf = (of: Focus | null) => profileName(scene.value, of, state.traits.combine.value);
  const isPinned = computed(() => nameOf(focus.value) === nameOf(pins.value));
  const pinned = createProfile(state, client, scene, pins, problem, abort);
  const others = computed(() => (isPinned.value ? null : focus.value));
  const hovered = createProfile(state, client, scene, others, problem, abort);
  const everyHead = computed((): Scene | null => {
    const now = scene.value;
    if (!now || !looks.everyHead.value || !isCheap(pins.value, now.units)) return null;
    const { kept, heads } = now.outline;
    const own = now.scale.of === "head" ? heads : 1; // of a layer's heads, which all have the same number, one
    const all = kept.flatMap((layer) => Array.from({ length: own }, (_, head): Head => [layer, head]));
    // The kernel has them all, and nothing is left out of them.
    const name = `${now.name}|all`;
    return { ...now, name, heads: all, together: "maximum", isWhole: false, leftOut: null };
  });
  const everywhere = createProfile(state, client, everyHead, pins, problem, abort);
  const place = signal<{ side: Side; token: number } | null>(null);
  client.onGoto(({ run, side, token }) => {
    if (run === state.kernel.outline.peek()?.run) place.value = { side, token };
  });
  const profile = computed(() => (isPinned.value ? pinned.value : hovered.value));
  return {
    ...mounted,
    categories: createCategories(state),
    drawsTiles,
    hasThreshold,
    noDifference,
    scene,
    looks,
    onScreen,
    ranking: createRanking(state, client, source, abort),
    inSight,
    hover,
    focus,
    profile,
    pins,
    pinned,
    everywhere,
    place,
    find: createFind(state, place),
    masks: createMasks(state, client, abort),
    numbers(most) {
      const now = scene.value;
      if (!drawsTiles.value) return viewsNumbers();
      if (!now) return null;
      if (now.isWhole) return pairTable(now, focus.value, most);
      return profile.value && profileTable(now, profile.value, most);
    },
    tellsNext: signal(false),
    chooses: signal(false),
    problem,
  };
}
