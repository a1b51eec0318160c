// Which attention of the model is shown. Only where there is a choice.

import { Choice } from "../parts/choice";
import type { Panel, PanelProps } from "../parts/panel";

const GLOSS: Record<string, string> = {
  encoder: "the source looks at itself",
  decoder: "the target looks at itself, as far as it is written",
  cross: "the target looks at the source",
};

function Attention({ context: { state } }: PanelProps) {
  const attentions = state.kernel.outline.value?.attentions ?? [];
  const shown = state.traits.attention.value;
  if (attentions.length < 2) return null;
  return (
    <>
      <Choice
        label="attention"
        names={attentions}
        chosen={shown}
        onChoose={(attention) => state.set({ attention, queries: [], keys: [] })}
      />
      <span class="hint">{GLOSS[shown]}</span>
    </>
  );
}

export const attention: Panel = { place: "options", Component: Attention };
