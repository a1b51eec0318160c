// Lines that go on beyond what is in sight: how many, and a way there.

import type { Away as Counts } from "../../layout/edges";
import { rowNear } from "../../layout/fold";
import { bestTop } from "../../layout/in-sight";
import type { StageWidths } from "../../layout/stage";
import type { Side } from "../../layout/units";
import type { LinesStore } from "./store";

interface Props {
  away: Record<Side, Counts> & { gaps: number };
  store: LinesStore;
  widths: StageWidths;
}

export function Away({ away, store, widths }: Props) {
  const { edges, focused, sides } = store;
  /** To where the most of those lines end. */
  const go = (side: Side, isBelow: boolean) => {
    const { fold, top } = sides.at[side].value;
    const [row, height] = [sides.row.value, sides.height.value];
    const among = focused.value.count > 0 ? focused.value : edges.value;
    const ends: [number, number][] = [];
    among[side].forEach((unit, at) => {
      const place = rowNear(fold, unit);
      const middle = (place + 0.5) * row;
      if (isBelow ? middle > top + height : middle < top) ends.push([place, among.strength[at] as number]);
    });
    if (ends.length > 0) sides.scroll(side, bestTop(ends, row, height));
  };
  const count = (side: Side, isBelow: boolean) => {
    const lines = away[side][isBelow ? "below" : "above"];
    if (lines === 0) return null;
    const inner = side === "query" ? { left: `${widths.left + 4}px` } : { left: `${widths.right - 4}px` };
    return (
      <button
        type="button"
        class={`away ${side} ${isBelow ? "below" : "above"}`}
        style={inner}
        title={`${lines} ${lines === 1 ? "line goes" : "lines go"} on ${isBelow ? "below" : "above"}: click to scroll there`}
        onClick={() => go(side, isBelow)}
      >
        {isBelow ? "↓" : "↑"} {lines} {lines === 1 ? "line" : "lines"}
      </button>
    );
  };
  return (
    <>
      {count("query", false)}
      {count("query", true)}
      {count("key", false)}
      {count("key", true)}
      {away.gaps > 0 && (
        <span class="away gaps" style={{ left: `${(widths.left + widths.right) / 2}px` }}>
          {away.gaps} more to tokens in gaps
        </span>
      )}
    </>
  );
}
