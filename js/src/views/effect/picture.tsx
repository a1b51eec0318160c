// All heads by what they do, the sum beside them; what the model expects; the links of a pinned pair.

import type { Context } from "../../parts/context";
import { Grid } from "./grid";
import { Legend } from "./legend";
import { LikelyTokens } from "./likely";
import { LinkTable } from "./links";
import { Running } from "./running";
import type { EffectStore } from "./store";

interface Props {
  context: Context;
  store: EffectStore;
}

export function Picture({ context, store }: Props) {
  const effects = store.effects.value;
  const isPage = typeof context.state.kernel.outline.value?.page === "string";
  const message = effects?.message || (effects ? "" : isPage ? NOT_HERE : "");
  return (
    <div class="effect-view" data-kind={effects?.kind} data-progress={effects?.state}>
      <Legend context={context} store={store} />
      <Progress store={store} />
      {message && <p class="effect-missing">{sentence(message)}</p>}
      <div class="effect-columns">
        <Grid context={context} store={store} />
        <LikelyTokens context={context} store={store} />
      </div>
      <Protocol context={context} store={store} />
      <LinkTable context={context} store={store} />
    </div>
  );
}

/** How the numbers were found, and of which model they are. */
function Protocol({ context: { state }, store }: Props) {
  const { protocol = "" } = store.effects.value ?? {};
  const hasGrid = store.grid.value !== null;
  const said = [
    protocol,
    hasGrid &&
      state.traits.off.value.length > 0 &&
      "the grid is of the model as it is: what is crossed out is off everywhere else",
    hasGrid && state.kernel.outline.value?.mask && "the grid is of the model under its own mask",
  ];
  return <p class="hint effect-protocol">{said.filter(Boolean).map((one) => `${sentence(String(one))} `)}</p>;
}

const NOT_HERE =
  "no effects were computed when this page was saved: open the view Effect in the notebook, and save it again";

const sentence = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;

/** How far the heads are that are run one by one. */
function Progress({ store }: { store: EffectStore }) {
  const { state, done = 0, total = 0, kind, value = "zero" } = store.effects.value ?? {};
  if (state === "stopped")
    return (
      <p class="effect-progress">
        <span>stopped: some heads have no number yet</span>
        <button type="button" class="small-button" onClick={() => kind && store.choose(kind, value)}>
          run them all
        </button>
      </p>
    );
  if (state !== "running") return null;
  return <Running label="running the model without one head at a time" done={done} total={total} onStop={store.stop} />;
}
