// Which attention of the model is shown, and between which of two texts. Only where there is a choice.

import type { Signal } from "@preact/signals";
import type { State } from "../state";
import type { Outline } from "../wire/protocol";

/** The texts that attend and are attended to, 0 or 1; null for all. */
export type Part = readonly [number, number] | null;

interface Props {
  state: State;
  outline: Outline;
  /** Null where the view shows all of both texts anyway. */
  part: Signal<Part> | null;
}

const PARTS: [name: string, part: Part][] = [
  ["all", null],
  ["A → A", [0, 0]],
  ["A → B", [0, 1]],
  ["B → A", [1, 0]],
  ["B → B", [1, 1]],
];

const GLOSS: Record<string, string> = {
  encoder: "the source looks at itself",
  decoder: "the target looks at itself, as far as it is written",
  cross: "the target looks at the source",
};

export function Options({ state, outline, part }: Props) {
  const { attentions, queries } = outline;
  const shown = state.traits.attention.value;
  const isPair = part !== null && (queries.segments?.includes(1) ?? false);
  if (attentions.length < 2 && !isPair) return null;
  return (
    <div class="options">
      {attentions.length > 1 && (
        <Choice
          label="attention"
          names={attentions}
          chosen={shown}
          onChoose={(attention) => state.set({ attention, queries: [], keys: [] })}
        />
      )}
      {attentions.length > 1 && <span class="hint">{GLOSS[shown]}</span>}
      {isPair && (
        <Choice
          label="between the texts"
          names={PARTS.map(([name]) => name)}
          chosen={PARTS.find(([, one]) => String(one) === String(part.value))?.[0] ?? "all"}
          onChoose={(name) => {
            part.value = PARTS.find(([one]) => one === name)?.[1] ?? null;
          }}
        />
      )}
    </div>
  );
}

interface ChoiceProps {
  label: string;
  names: string[];
  chosen: string;
  onChoose(name: string): void;
}

function Choice({ label, names, chosen, onChoose }: ChoiceProps) {
  return (
    <fieldset class="choice">
      <legend>{label}</legend>
      {names.map((name) => (
        <button key={name} type="button" aria-pressed={name === chosen} onClick={() => onChoose(name)}>
          {name}
        </button>
      ))}
    </fieldset>
  );
}
