// Opens the choice of what to compare with: beside the text, which is what one compares most.

import type { Panel, PanelProps } from "../../parts/panel";

function CompareButton({ context: { state, chooses } }: PanelProps) {
  const outline = state.kernel.outline.value;
  if (!outline || outline.page !== null) return null;
  return (
    <button
      type="button"
      class="compare-button"
      aria-expanded={chooses.value}
      aria-pressed={chooses.value || outline.comparison !== null}
      title="compare with another text, model, mask, variant of attention, or head"
      onClick={() => {
        chooses.value = !chooses.value;
      }}
    >
      Compare
    </button>
  );
}

export const compareButton: Panel = { place: "top", Component: CompareButton };
