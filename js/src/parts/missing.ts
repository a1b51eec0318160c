// What of that which is asked for is not on screen: without a kernel it stays away, and the widget says so.

import { whoseName } from "../layout/heads";
import { WEIGHTS } from "../layout/scale";
import { type Scene, wantedName } from "../source/scene";
import type { State } from "../state/state";
import type { Head } from "../wire/schema";

/** In a sentence about the kernel; empty where the scene is what is asked for. */
export function missingFrom(state: State, scene: Scene | null): string {
  const { heads, measure, words } = state.traits;
  const scale = scene?.scale ?? WEIGHTS;
  const nameOf = (head: Head) => whoseName(scale, head); // numbers of a whole layer are there with one of its heads
  const there = new Set(scene?.heads.map(nameOf));
  const late = heads.value.map(nameOf).filter((name) => !there.has(name));
  if (late.length > 0) return `It is needed to show ${late.slice(0, 3).join(", ")}.`;
  if (!scene || scene.name === wantedName(state)) return "";
  const named = scene.outline.measures.find(({ name }) => name === measure.value);
  if (named && named.name !== scene.scale.name) return `It is needed to compute the measure “${named.label}”.`;
  return `It is needed to show ${words.value ? "whole words" : "single tokens"}.`;
}
