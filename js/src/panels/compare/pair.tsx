// Of the pinned pair in the head on screen: the two weights whose difference is drawn.

import { useSignal, useSignalEffect } from "@preact/signals";
import { partnersIn, stretchesOf } from "../../layout/comparison";
import { headName } from "../../layout/heads";
import { exactly, scaleNamed, WEIGHTS } from "../../layout/scale";
import { isForbidden } from "../../layout/tile";
import type { PanelProps } from "../../parts/panel";
import { UNWANTED } from "../../wire/client";
import { decodeArray } from "../../wire/decode";
import type { Head } from "../../wire/schema";

interface Known {
  name: string;
  heads: [Head, Head];
  numbers: [here: number, there: number];
}

export function PairOfBoth({ context: { state, client } }: PanelProps) {
  const known = useSignal<Known | null>(null);
  const nameNow = () => {
    const { heads, queries, keys } = state.traits;
    return JSON.stringify([state.kernel.outline.value?.run, heads.value[0], queries.value, keys.value]);
  };
  useSignalEffect(() => {
    const name = nameNow();
    const outline = state.kernel.outline.value;
    const [here] = state.traits.heads.value;
    const pins = [state.traits.queries.value, state.traits.keys.value] as const;
    if (!outline?.comparison || !here || pins.some((one) => one.length === 0)) return;
    const { comparison, run, attention } = outline;
    const across = (["query", "key"] as const).map((side, at) => {
      const partners = partnersIn(stretchesOf(comparison, side));
      return (pins[at] ?? []).flatMap((one) => partners.get(one) ?? []);
    });
    if (across.some((some, at) => some.length < (pins[at] ?? []).length)) return;
    const there = comparison.head ?? here;
    const passed = new AbortController();
    const weight = async (trace: string, queries: number[], keys: number[], [layer, head]: Head) => {
      const about = { queries, keys, run, trace, attention, measure: WEIGHTS.name };
      const { ok, buffers } = await client.ask("rank", about, { abort: passed.signal, quiet: true });
      const [data] = buffers;
      const shape = ok.shape as number[];
      const heads = shape[2] ?? 0;
      return data
        ? (decodeArray({ dtype: "float32", shape, data }).values[layer * heads + head] ?? Number.NaN)
        : Number.NaN;
    };
    Promise.all([
      weight(outline.trace, ...(pins as [number[], number[]]), here),
      weight(comparison.trace, ...(across as [number[], number[]]), there),
    ]).then(
      (numbers) => {
        known.value = { name, heads: [here, there], numbers };
      },
      () => {},
    );
    return () => passed.abort(UNWANTED);
  });
  const now = known.value;
  const outline = state.kernel.outline.value;
  if (!outline?.comparison || now?.name !== nameNow()) return null;
  const scale = scaleNamed(outline, WEIGHTS.name);
  const said = now.numbers.map((value) => (isForbidden(value) ? "hidden" : exactly(scale, value)));
  const isSecond = outline.comparison.shown === "b";
  const [a, b] = isSecond ? [1, 0] : [0, 1];
  const nameOf = (at: number) => headName(now.heads[at] as Head);
  return (
    <span class="both-weights">
      {nameOf(a)} in A <b>{said[a]}</b> · {nameOf(a) === nameOf(b) ? "" : `${nameOf(b)} `}in B <b>{said[b]}</b>.{" "}
    </span>
  );
}
