// What is told of each head, what its colours mean, and on which scale.

import { SIGNS } from "../../draw/colours";
import { scaleGradient } from "../../draw/strips";
import { type EffectKind, KINDS, meaningOf, signedFigure } from "../../layout/effects";
import { figure } from "../../layout/numbers";
import type { Context } from "../../parts/context";
import { SmallChoice } from "../../parts/small-choice";
import type { EffectStore } from "./store";

export function Legend({ context: { theme }, store }: { context: Context; store: EffectStore }) {
  const [effects, grid] = [store.effects.value, store.grid.value];
  const meaning = effects?.asked && meaningOf(effects.kind, effects.asked);
  const { negative, positive } = SIGNS[theme.value];
  return (
    <div class="effect-legend" data-limit={grid?.limit}>
      <Kind store={store} />
      {meaning && grid && grid.limit > 0 && (
        <>
          <span class="effect-scale">
            {meaning.negative ? `−${figure(grid.limit)}` : 0}
            <span
              class={meaning.negative ? "effect-ramp" : "effect-ramp half"}
              style={{ background: scaleGradient(theme.value) }}
              aria-hidden="true"
            />
            {signedFigure(grid.limit)} {effects.unit}
          </span>
          <span class="effect-meaning">
            {meaning.negative && <Meaning colour={negative} name="blue" says={meaning.negative} />}
            <Meaning colour={positive} name="red" says={meaning.positive} />
          </span>
        </>
      )}
    </div>
  );
}

function Meaning({ colour, name, says }: { colour: string; name: string; says: string }) {
  return (
    <span>
      <b style={{ color: colour }}>{name}</b> {says}
    </span>
  );
}

function Kind({ store }: { store: EffectStore }) {
  const { kind = "decompose", value = "zero" } = store.effects.value ?? {};
  const names = Object.keys(KINDS) as EffectKind[];
  const told = (of: (kind: EffectKind) => string) =>
    Object.fromEntries(names.map((one) => [one, of(one)])) as Record<EffectKind, string>;
  const [says, titles] = [told((one) => KINDS[one].label), told((one) => KINDS[one].about)];
  return (
    <span class="effect-kind">
      each head
      <SmallChoice
        label="What is told of each head"
        names={names}
        {...{ says, titles }}
        chosen={kind}
        onChoose={(one) => store.choose(one, value)}
      />
      {kind === "ablate" && (
        <SmallChoice
          label="What stands in its place"
          names={["zero", "mean"] as const}
          says={{ zero: "by nothing", mean: "by its mean" }}
          titles={{ zero: "the head writes nothing", mean: "the head writes the mean of its outputs over this text" }}
          chosen={value}
          onChoose={(one) => store.choose(kind, one)}
        />
      )}
    </span>
  );
}
