// Shows and hides what the model expects.

import type { Panel, PanelProps } from "../../parts/panel";

function NextButton({ context: { state, tellsNext } }: PanelProps) {
  const outline = state.kernel.outline.value;
  if (!outline) return null;
  const fits = outline.predicts === "place";
  return (
    <button
      type="button"
      class="next-button"
      aria-label={fits ? "what fits here?" : "what comes next?"}
      aria-pressed={tellsNext.value}
      title={
        fits ? "the tokens that the model would put at a place" : "the tokens that the model expects after a token"
      }
      onClick={() => {
        tellsNext.value = !tellsNext.value;
      }}
    >
      <span>what {fits ? "fits" : "comes"} </span>
      {fits ? "here?" : "next?"}
    </button>
  );
}

export const nextButton: Panel = { place: "tools", Component: NextButton };
