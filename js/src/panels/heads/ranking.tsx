// Which head tells: all heads by the pinned pair's number, ready to be shown.

import { ranked } from "../../layout/ranking";
import { mostIn, scaleNamed } from "../../layout/scale";
import type { Side } from "../../layout/units";
import type { Panel, PanelProps } from "../../parts/panel";
import { RankedList } from "./ranked-list";
import css from "./ranking.css";

const ABOUT = {
  pair: (what: string) => `all ${what}s by this pair`,
  key: (what: string) => `where each ${what} looks most`,
  query: (what: string) => `what looks at it most in each ${what}`,
};

function HeadRanking({ context }: PanelProps) {
  const { state, ranking } = context;
  const now = ranking.value;
  const units = state.units.value;
  if (!now || !units) return null;
  const scale = scaleNamed(now.outline, now.measure);
  const isOwn = scale.of === "head";
  const list = ranked(now, scale);
  const open: Side | null = now.queries.length === 0 ? "query" : now.keys.length === 0 ? "key" : null;
  const several = units.query.of(now.queries).length;
  const { self, first } = context.looks.leftOut.value;
  const about = [
    open && scale.domain === "signed"
      ? `${mostIn(scale)} ${scale.label} in each ${isOwn ? "head" : "layer"}`
      : ABOUT[open ?? "pair"](isOwn ? "head" : "layer"),
    scale.of === "layer" && "all heads of a layer together",
    scale.of === "way" && "all heads of a layer and of those below",
    several > 1 && `mean of ${several} queries`,
    (self || first) && "nothing hidden", // the numbers are the model's own
  ]
    .filter(Boolean)
    .join(" · ");
  return (
    <RankedList context={context} name="heads ranked by the pinned pair" list={list} scale={scale} open={open}>
      {now.why && <p class="fine">{now.why}</p>}
      {list.length > 0 && <p class="fine">{about}</p>}
    </RankedList>
  );
}

export const headRanking: Panel = { place: "left", css, Component: HeadRanking };
