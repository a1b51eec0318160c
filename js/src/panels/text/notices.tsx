// What the reader should know before trusting what is shown: a text longer than the model is configured for, say.

import type { Panel, PanelProps } from "../../parts/panel";

function Notices({ context: { onScreen } }: PanelProps) {
  return (onScreen.value?.outline.notices ?? []).map((notice) => (
    <p key={notice} class="notice" role="note">
      {notice}
    </p>
  ));
}

export const notices: Panel = { place: "top", Component: Notices };
