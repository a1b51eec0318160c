// Opens the search.

import type { Panel, PanelProps } from "../../parts/panel";

function FindButton({ context: { find, state } }: PanelProps) {
  if (!state.kernel.outline.value) return null;
  return (
    <button
      type="button"
      class="find-button"
      aria-expanded={find.open.value}
      aria-pressed={find.open.value}
      aria-keyshortcuts="/"
      title="find words or a position in the text ( / )"
      onClick={() => {
        find.open.value = !find.open.value;
      }}
    >
      Find <span aria-hidden="true">⌕</span>
    </button>
  );
}

export const findButton: Panel = { place: "tools", Component: FindButton };
