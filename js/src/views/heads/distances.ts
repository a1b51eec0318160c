// How far every head's rows are from one head's, or all heads' from each other, from a live kernel.

import { effect, type ReadonlySignal, signal } from "@preact/signals";
import { headName } from "../../layout/heads";
import type { Context } from "../../parts/context";
import { UNWANTED } from "../../wire/client";
import { decodeArray } from "../../wire/decode";
import type { DistancesReply, Head } from "../../wire/schema";

export interface Distances {
  /** Of which run, and from which head. */
  name: string;
  heads: number;
  /** Layer by layer, or (heads, heads) of the layers kept; null where there are none. */
  values: Float32Array | null;
  /** Of all heads: their order, and their places in a plane. */
  all: Pick<DistancesReply, "order" | "places" | "stress" | "noMap"> | null;
  sampled: number | null;
  problem: string;
}

/** Follow the head that others are compared with, or all; null while none is, or what was asked is on its way. */
export function createDistances(
  { state, client, abort }: Context,
  reference: ReadonlySignal<Head | "all" | null>,
): ReadonlySignal<Distances | null> {
  const distances = signal<Distances | null>(null);
  const stop = effect(() => {
    const head = reference.value;
    const outline = state.kernel.outline.value;
    if (!head || !outline || outline.attention !== state.traits.attention.value) return;
    const { run, trace, attention, heads } = outline;
    const name = `${run}|${head === "all" ? head : headName(head)}`;
    if (distances.peek()?.name === name && distances.peek()?.values) return;
    distances.value = null;
    const mine = new AbortController();
    const show = (rest: Omit<Distances, "name" | "heads">) => {
      if (!mine.signal.aborted) distances.value = { name, heads, ...rest };
    };
    const how = { abort: mine.signal, label: "how alike the heads are" };
    const about = { run, trace, attention };
    const asked =
      head === "all"
        ? client.ask("distances", about, how)
        : client.ask("similar", { layer: head[0], head: head[1], ...about }, how);
    asked
      .then(({ ok, buffers: [data] }) => {
        if (!data) throw new Error("the kernel's answer came without its numbers");
        const { values } = decodeArray({ dtype: "float32", shape: ok.shape as number[], data });
        show({ values, sampled: ok.sampled as number | null, problem: "", all: head === "all" ? (ok as never) : null });
      })
      .catch((error: Error) => show({ values: null, sampled: null, problem: error.message, all: null }));
    return () => mine.abort(UNWANTED);
  });
  abort.addEventListener("abort", stop);
  return distances;
}
