// How far every head's rows are from one head's, from a live kernel.

import { effect, type ReadonlySignal, signal } from "@preact/signals";
import { headName } from "../../layout/heads";
import type { Context } from "../../parts/context";
import { decodeArray } from "../../wire/decode";
import type { Head } from "../../wire/schema";

export interface Distances {
  /** Of which run, and from which head. */
  name: string;
  heads: number;
  /** Layer by layer; null where there are none. */
  values: Float32Array | null;
  sampled: number | null;
  problem: string;
}

/** Follow the head that others are compared with; null while none is, or what was asked is on its way. */
export function createDistances(
  { state, client, abort }: Context,
  reference: ReadonlySignal<Head | null>,
): ReadonlySignal<Distances | null> {
  const distances = signal<Distances | null>(null);
  const stop = effect(() => {
    const head = reference.value;
    const outline = state.kernel.outline.value;
    if (!head || !outline || outline.attention !== state.traits.attention.value) return;
    const { run, trace, attention, heads } = outline;
    const name = `${run}|${headName(head)}`;
    if (distances.peek()?.name === name && distances.peek()?.values) return;
    distances.value = null;
    const mine = new AbortController();
    const show = (rest: Pick<Distances, "values" | "sampled" | "problem">) => {
      if (!mine.signal.aborted) distances.value = { name, heads, ...rest };
    };
    client
      .ask(
        "similar",
        { layer: head[0], head: head[1], run, trace, attention },
        { abort: mine.signal, label: "how alike the heads are" },
      )
      .then(({ ok, buffers: [data] }) => {
        if (!data) throw new Error("the kernel's answer came without its numbers");
        const { values } = decodeArray({ dtype: "float32", shape: ok.shape as number[], data });
        show({ values, sampled: ok.sampled as number | null, problem: "" });
      })
      .catch((error: Error) => show({ values: null, sampled: null, problem: error.message }));
    return () => mine.abort();
  });
  abort.addEventListener("abort", stop);
  return distances;
}
