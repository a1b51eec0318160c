// What the widget's model holds, as signals: the texts and the selection, which both sides set, and the kernel's states.

import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { listen, type Model } from "../host";
import { type Sides, sidesOf } from "../layout/units";
import type { Client } from "../wire/client";
import {
  type KernelStates,
  type Outline,
  SELECTION,
  type Selection,
  STATES,
  type Status,
  TEXTS,
  type Texts,
} from "../wire/schema";
import { areThere, isWhole } from "./damage";

/** The traits that both sides may set. */
export type Synced = Texts & Selection;

type Signals<T> = { readonly [K in keyof T]: Signal<T[K]> };
type Known<T> = { readonly [K in keyof T]: ReadonlySignal<T[K] | null> };

export interface State {
  readonly traits: Signals<Synced>;
  /** Null where the kernel has said nothing yet. */
  readonly kernel: Known<KernelStates>;
  readonly units: ReadonlySignal<Sides | null>;
  /** Set parts of the selection here and in Python, in one message. */
  set(patch: Partial<Selection>): void;
  /** Forget a state here, so that a saved notebook does not carry it. */
  drop(name: keyof KernelStates): void;
  /** Whether what the host handed over is whole: else a part is left out, or there is nothing to draw from. */
  readonly damage: ReadonlySignal<"none" | "part" | "all">;
}

export function createState(model: Model, client: Client, abort: AbortSignal): State {
  const shared = new Map<string, Signal<unknown>>([...TEXTS, ...SELECTION].map((name) => [name, signal()]));
  const states = new Map<string, Signal<unknown>>(STATES.map((name) => [`_${name}`, signal()]));
  const damage = signal<"none" | "part" | "all">("none");
  // A message from Python sets many traits and announces them one by one, when all are set. Taken together they are one
  // change: an outline without its weights would only send for them.
  const readAll = () =>
    batch(() => {
      for (const [name, one] of shared) one.value = model.get(name);
      const broken = STATES.filter((name) => {
        const { value, isBroken } = filled(model, name);
        (states.get(`_${name}`) as Signal<unknown>).value = value;
        return isBroken;
      });
      const status = states.get("_status")?.value as Status | null;
      const outline = states.get("_outline")?.value as Outline | null;
      const chosen = SELECTION.filter((name) => !MAY_BE_NULL.has(name)).map((name) => model.get(name));
      const drawable = areThere([outline?.run, outline?.attention, ...chosen]);
      damage.value = !drawable && status?.state === "ready" ? "all" : broken.length > 0 ? "part" : "none";
    });
  readAll();
  for (const name of [...shared.keys(), ...states.keys()]) listen(model, `change:${name}`, readAll, abort);
  for (const name of states.keys()) listen(model, `change:${name}`, client.hear, abort); // only the kernel sets these
  const traits = Object.fromEntries(shared) as unknown as Signals<Synced>;
  const kernel = Object.fromEntries(
    [...states].map(([name, one]) => [name.slice(1), one]),
  ) as unknown as State["kernel"];
  const lost = () => void client.ask("resend").catch(() => {});
  const selection = shareSelection(model, client, () => kernel.outline.peek()?.run, lost);
  return {
    traits,
    kernel,
    units: computed(() => kernel.outline.value && sidesOf(kernel.outline.value, traits.words.value)),
    set: selection.set,
    drop: (name) => model.set(`_${name}`, {}),
    damage,
  };
}

const MAY_BE_NULL: ReadonlySet<string> = new Set(["category", "target", "mask"] satisfies (keyof Selection)[]);

/** An empty object stands for nothing, and so does what cannot be of the kernel. */
function filled(model: Model, name: (typeof STATES)[number]): { value: unknown; isBroken: boolean } {
  const value = model.get(`_${name}`);
  if (typeof value === "object" && Object.keys(value ?? {}).length === 0) return { value: null, isBroken: false };
  const isBroken = !isWhole(value);
  return { value: isBroken ? null : value, isBroken };
}

/**
 * See to it that this browser, the kernel and other browsers on the same widget come to one selection. Hosts send what is
 * set here to the kernel and never back, and a message can be lost while a connection is down. So every change carries a
 * number, which the kernel confirms; all browsers follow what it says then; and after a silence both sides compare.
 *
 * @param lost called when the kernel has told something that never came here: a text, or the half of a selection
 */
function shareSelection(
  model: Model,
  client: Client,
  run: () => number | undefined,
  lost: () => void,
): { set(patch: Partial<Selection>): void } {
  let count = 0;
  let confirmed = 0;
  let done = () => {};
  const here = () => Object.fromEntries(SELECTION.map((name) => [name, model.get(name)])) as unknown as Selection;
  // A host keeps what was ever set here for the next message to the kernel, where it may be outdated by then.
  const followed = new Set<string>();
  /** Whether anything was another here. */
  const follow = (selection: Selection): boolean => {
    const others = SELECTION.filter((name) => JSON.stringify(model.get(name)) !== JSON.stringify(selection[name]));
    batch(() => {
      for (const name of others) {
        model.set(name, selection[name]);
        followed.add(name);
      }
    });
    return others.length > 0;
  };
  const confirm = (upTo: number) => {
    if (upTo <= confirmed) return;
    confirmed = upTo;
    if (confirmed < count) return;
    done();
    followed.clear(); // sent, and left out there
  };
  client.onSelection(({ by, run: kernels, selection }) => {
    const own = by.client === client.name;
    if (own) confirm(by.count);
    if (confirmed < count) return; // it is older than what was chosen here
    const differed = follow(selection);
    // A browser knows what it has set: what differs came from elsewhere, and on the way here it was lost.
    if ((own && differed) || kernels !== run()) lost();
  });
  client.onAgreement(({ seen, run: kernels, selection }) => {
    let differed = false;
    if (seen < count) {
      client.ask("select", { count, selection: here() }).then(
        () => confirm(count),
        () => {},
      ); // it was lost
    } else {
      confirm(seen);
      differed = follow(selection);
    }
    if (differed || kernels !== run()) lost();
  });
  return {
    set(patch) {
      count += 1;
      done();
      batch(() => {
        for (const [name, value] of Object.entries(patch)) {
          if (JSON.stringify(model.get(name)) === JSON.stringify(value)) continue; // a host would send what it has kept
          model.set(name, value);
          followed.delete(name);
        }
      });
      model.set("_stamp", { client: client.name, count, followed: [...followed] });
      done = client.expect();
      try {
        model.save_changes();
      } catch {
        client.check(); // JupyterLab: the kernel is gone, and with it its line
      }
    },
  };
}
