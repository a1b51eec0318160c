// One mounted widget: the context, and what each view holds in it.

import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import { isPut } from "../layout/masks";
import { type Context, createContext, type Mounted, type OnScreen } from "../parts/context";
import type { MountedView, View } from "../parts/view";
import { wantedName } from "../source/scene";
import { VIEWS, viewNamed } from "../views/registry";

export interface Widget {
  context: Context;
  view: ReadonlySignal<View>;
  /** What the view on screen holds. */
  now: ReadonlySignal<MountedView>;
  /** What went wrong, in words; empty if nothing did, or if the reader has put it away. */
  alert: ReadonlySignal<string>;
  /** The kernel does not answer, and the reader waits for it or has never heard of it: a busy one goes unnoticed. */
  silent: ReadonlySignal<boolean>;
  /** Whether it has ever answered here: of a saved picture there may be none. */
  heard: ReadonlySignal<boolean>;
  /** As in `data-state`. */
  condition: ReadonlySignal<"loading" | "ready" | "error" | "no-kernel">;
  escape(): void;
  /** Open the search. */
  find(): void;
}

const DAMAGE = "A part of what was saved is damaged and left out: run the cell again.";

export function createWidget(mounted: Mounted): Widget {
  const { state, client, abort } = mounted;
  const view = computed(() => viewNamed(state.traits.view.value));
  const held = signal<Map<View, MountedView> | null>(null);
  const context = createContext(
    mounted,
    computed(() => view.value.drawsTiles),
    computed(() => Boolean(view.value.hasThreshold)),
    computed(() => held.value?.get(view.value)?.noDifference?.() ?? ""),
    computed((): OnScreen | null => held.value?.get(view.value)?.onScreen.value ?? null),
    () => held.value?.get(view.value)?.numbers?.() ?? null,
  );
  const { problem, hover } = context;
  held.value = new Map(VIEWS.map((one) => [one, one.create(context)]));
  const now = computed(() => held.value?.get(view.value) as MountedView);

  const dismissed = signal<unknown>(null);
  const alert = computed(() => {
    const status = state.kernel.status.value;
    if (status?.state === "error" && dismissed.value !== status) return status.message;
    return state.damage.value === "part" && dismissed.value !== DAMAGE ? DAMAGE : problem.value;
  });
  const isReady = computed(() => {
    const { outline, status } = state.kernel;
    const { off, mask, mask_mode: mode } = state.traits;
    // with the heads that are on, under the mask that is chosen
    const isRun =
      String(outline.value?.off ?? []) === String(off.value ?? []) && isPut(outline.value, mask.value, mode.value);
    const isSide = (state.traits.side.value === "b") === (outline.value?.comparison?.shown === "b");
    if (!isRun || !isSide || context.masks.waits.value) return false;
    return status.value?.state !== "loading" && now.value.ready.value;
  });
  const silent = computed(() => client.silent.value && (client.waiting.value || !client.heard.value || !isReady.value));
  const condition = computed(() => {
    if (alert.value) return "error";
    if (silent.value) return "no-kernel";
    return isReady.value ? "ready" : "loading";
  });

  const stops = [
    effect(() => {
      wantedName(state); // something else is asked for: an earlier failure says nothing about it
      problem.value = "";
    }),
    effect(() => {
      // Another attention comes with a new outline: ask besides, so that a kernel that is gone is noticed.
      if (state.kernel.outline.value?.attention !== state.traits.attention.value) client.check();
    }),
    askOnceDrawn(context, now),
    askWhileWaiting(context),
  ];
  abort.addEventListener("abort", () => {
    for (const stop of stops) stop();
  });

  return {
    context,
    view,
    now,
    alert,
    silent,
    heard: client.heard,
    condition,
    find() {
      context.find.open.value = true;
    },
    escape() {
      if (context.masks.open.value) {
        context.masks.leave();
        return;
      }
      hover.value = null;
      dismissed.value = state.damage.value === "part" ? DAMAGE : state.kernel.status.value;
      problem.value = "";
      now.value.escape();
    },
  };
}

/** Ask for what else there is to see once the picture stands; and find out so whether a kernel answers. */
function askOnceDrawn({ source }: Context, now: ReadonlySignal<MountedView>): () => void {
  let asked = 0;
  return effect(() => {
    const run = now.value.drawnRun.value;
    if (run === 0 || run === asked) return;
    asked = run;
    source.askRest(run);
  });
}

const SIGN_OF_LIFE = 3000; // ms

/** While a run is awaited nothing is asked: a kernel that has died would never be noticed. */
function askWhileWaiting({ state, client }: Context): () => void {
  return effect(() => {
    if (state.kernel.status.value?.state !== "loading") return;
    const timer = setInterval(() => client.check(), SIGN_OF_LIFE);
    return () => clearInterval(timer);
  });
}
