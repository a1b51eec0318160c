// Keys that the reader takes out of every row, in views that draw weights.

import { canLeaveOut } from "../layout/leave-out";
import type { Panel, PanelProps } from "../parts/panel";

const MEANING = "of this picture: its weight is taken out, and the rest of each row scaled up to the same sum";

function LeaveOut({ context: { scene, looks, drawsTiles } }: PanelProps) {
  const shown = scene.value;
  if (!shown || !drawsTiles.value || !canLeaveOut(shown.scale)) return null;
  const { self, first } = looks.leftOut.value;
  return (
    <>
      {shown.units.query === shown.units.key && (
        <button
          type="button"
          class="leave-out"
          aria-pressed={self}
          title={`take each token itself out ${MEANING}`}
          onClick={() => {
            looks.leftOut.value = { self: !self, first };
          }}
        >
          hide self
        </button>
      )}
      <button
        type="button"
        class="leave-out"
        aria-pressed={first}
        title={`take ${shown.units.key.labels[0]} out ${MEANING}`}
        onClick={() => {
          looks.leftOut.value = { self, first: !first };
        }}
      >
        hide first token
      </button>
    </>
  );
}

export const leaveOut: Panel = { place: "tools", Component: LeaveOut };
