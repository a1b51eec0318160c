// The pinned pair's number in every head: from a live kernel, or from what was sent ahead while none has answered.

import { computed, effect, type ReadonlySignal, signal, untracked } from "@preact/signals";
import type { PairNumbers, Ranking } from "../layout/ranking";
import type { State } from "../state/state";
import type { Answer, Client } from "../wire/client";
import { UNWANTED } from "../wire/client";
import { decodeArray } from "../wire/decode";
import type { Source } from "./source";

export type { Ranking };

const NOTHING: PairNumbers = {
  layers: 0,
  heads: 0,
  values: new Float32Array(),
  strongest: new Float32Array(),
  why: "",
};

/** Follow the pins until the signal aborts; null where nothing is pinned. */
export function createRanking(
  state: State,
  client: Client,
  source: Source,
  abort: AbortSignal,
): ReadonlySignal<Ranking | null> {
  const ranking = signal<Ranking | null>(null);
  let newest = new AbortController();
  const stop = effect(() => {
    newest.abort(UNWANTED);
    const mine = new AbortController();
    newest = mine;
    const outline = state.kernel.outline.value;
    const { attention, measure, words } = state.traits;
    const [queries, keys] = [state.traits.queries.value, state.traits.keys.value];
    if (!outline || outline.attention !== attention.value || queries.length + keys.length === 0) {
      ranking.value = null;
      return;
    }
    const about = { measure: measure.value, words: words.value, queries, keys };
    const near = untracked(() => source.near(about));
    if (near) ranking.value = { ...near, ...about, outline };
    const { run, trace } = outline;
    const ask = { ...about, run, trace, attention: attention.value };
    const show = (numbers: PairNumbers) => {
      if (!mine.signal.aborted) ranking.value = { ...numbers, ...about, outline };
    };
    client
      .ask("rank", ask, { abort: mine.signal, quiet: Boolean(near) })
      .then(read)
      .then(show, (error: Error) => show({ ...NOTHING, why: error.message }));
  });
  abort.addEventListener("abort", () => {
    stop();
    newest.abort(UNWANTED);
  });
  // What came of another text, or of tokens where there are words by now, has other rows.
  const isOf = ({ outline, words }: Ranking) =>
    outline === state.kernel.outline.value && words === state.traits.words.value;
  return computed(() => (ranking.value && isOf(ranking.value) ? ranking.value : null));
}

function read({ ok, buffers }: Answer): PairNumbers {
  const [data] = buffers;
  if (!data) throw new Error("the kernel's answer came without its numbers");
  const { values } = decodeArray({ dtype: "float32", shape: ok.shape as number[], data });
  const [, layers = 0, heads = 0] = ok.shape as number[];
  const count = layers * heads;
  return { layers, heads, values: values.subarray(0, count), strongest: values.subarray(count), why: ok.why as string };
}
