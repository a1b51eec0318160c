// What the text view holds in one mounted widget: never synced.

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Shading } from "../../layout/shading";
import type { Side } from "../../layout/units";
import type { Context } from "../../parts/context";
import { createProfile, type Profile, profileName } from "../../source/profile";

export interface TextStore {
  /** What a click pins, where one text plays both parts. */
  picks: Signal<Side>;
  shading: Signal<Shading>;
  /** The units from one to another that are being dragged over. */
  drag: Signal<{ side: Side; from: number; to: number } | null>;
  /** The token that somebody asked to see, and in which run; and the asking that was answered last. */
  marked: Signal<{ side: Side; token: number; run: number } | null>;
  answered: object | null;
  /** The numbers that the text is shaded by: of what is pinned, else of what is hovered, else of the last token. */
  shades: ReadonlySignal<Profile | null>;
  /** The query that the text is shaded by while nothing is pinned or hovered; null while something is. */
  opening: ReadonlySignal<number | null>;
  /** Whether those are on their way, and the ones before stand meanwhile. */
  waits: ReadonlySignal<boolean>;
}

export function createStore(context: Context): TextStore {
  const { state, client, scene, focus, profile, pins, pinned, problem, abort } = context;
  const opening = computed(() => {
    const query = scene.value?.units.query;
    if (!query || pins.value || focus.value || state.traits.view.value !== "text") return null;
    const last = query.special.lastIndexOf(false);
    return last < 0 ? null : last;
  });
  const opened = computed(() => (opening.value === null ? null : { queries: [opening.value], keys: null }));
  const first = createProfile(state, client, scene, opened, problem, abort);
  const shades = computed(() => {
    const found = pins.value ? pinned.value : focus.value ? profile.value : first.value;
    const fits = found?.outline === scene.value?.outline;
    return found && fits && found.values.length === scene.value?.units[found.side].labels.length ? found : null;
  });
  const wanted = computed(() =>
    profileName(scene.value, pins.value ?? focus.value ?? opened.value, state.traits.combine.value),
  );
  return {
    picks: signal("query"),
    shading: signal("root"),
    drag: signal(null),
    marked: signal(null),
    answered: null,
    shades,
    opening,
    waits: computed(() => wanted.value !== null && shades.value?.name !== wanted.value),
  };
}
