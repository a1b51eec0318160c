// Going over to the view that shows one head's pairs: the one that was on screen before.

import type { Context } from "../../parts/context";
import { type Head, VIEWS } from "../../wire/schema";
import type { HeadsStore } from "./store";

export const otherView = (store: HeadsStore): string => store.before.value || VIEWS[0];

export function open({ state }: Context, store: HeadsStore, head: Head): void {
  state.set({ heads: [head], layer: head[0], view: otherView(store) });
}
