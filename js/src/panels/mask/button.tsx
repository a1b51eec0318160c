// Opens the editor of the mask.

import type { Panel, PanelProps } from "../../parts/panel";

function MaskButton({ context: { masks, state } }: PanelProps) {
  if (!state.kernel.outline.value) return null;
  return (
    <button
      type="button"
      class="mask-button"
      aria-expanded={masks.open.value}
      aria-pressed={masks.open.value}
      title="put another mask in the place of the model’s own"
      onClick={() => {
        masks.open.value = !masks.open.value;
      }}
    >
      Mask
    </button>
  );
}

export const maskButton: Panel = { place: "tools", Component: MaskButton };
