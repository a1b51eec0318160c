// What every panel and view of a mounted widget is given.

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Theme } from "../host";
import { type Focus, focusOf, type Hover, hoverWithin } from "../layout/focus";
import type { Row, Rule } from "../layout/strongest";
import type { Side } from "../layout/units";
import { createProfile, type Profile } from "../source/profile";
import { createRanking, type Ranking } from "../source/ranking";
import { createScene, type Scene } from "../source/scene";
import type { Source } from "../source/source";
import { type CategoryStore, createCategories } from "../state/categories";
import { createLooks, type LinesBy, type Looks } from "../state/looks";
import type { State } from "../state/state";
import type { Client } from "../wire/client";
import type { Head, Outline } from "../wire/schema";

/** What the host and the model's session bring. */
export interface Mounted {
  state: State;
  client: Client;
  source: Source;
  theme: ReadonlySignal<Theme>;
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
  /** A place in the text that somebody asked to see: each view brings it into sight. A new object for every asking. */
  place: Signal<{ side: Side; token: number } | null>;
  /** Whether what the model expects next is shown. */
  tellsNext: Signal<boolean>;
  /** What went wrong with something that was asked for; empty if nothing did. */
  problem: Signal<string>;
}

export function createContext(
  mounted: Mounted,
  drawsTiles: ReadonlySignal<boolean>,
  onScreen: ReadonlySignal<OnScreen | null>,
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
  return {
    ...mounted,
    categories: createCategories(state),
    drawsTiles,
    scene,
    looks,
    onScreen,
    ranking: createRanking(state, client, source, abort),
    inSight,
    hover,
    focus,
    profile: createProfile(state, client, scene, focus, abort),
    place: signal(null),
    tellsNext: signal(false),
    problem,
  };
}
