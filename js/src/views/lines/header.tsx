// What stands on either side, and which part of it.

import { howTaken, shadedSide } from "../../layout/focus";
import { isFolded, shownIn } from "../../layout/fold";
import type { StageWidths } from "../../layout/stage";
import type { Side } from "../../layout/units";
import type { Context } from "../../parts/context";
import type { Shown } from "./shown";
import type { LinesStore } from "./store";

interface Props {
  context: Context;
  store: LinesStore;
  width: number;
  widths: StageWidths;
}

const GLOSS = 176; // px that a side's explanation takes, with its margin
const PLACE = 196; // px of "query 29,992–30,010 of 32,768"
const ROOMY = 460; // px for two of them, and the place in a long text between

export function Header({ context: { focus, state }, store, width, widths }: Props) {
  const { scene, found } = store.shown.value as Shown;
  const { sides } = store;
  const roomy = width >= ROOMY;
  const gloss = found ? Math.min(PLACE, width / 2 - 4) : roomy ? GLOSS : 0;
  const reads = scene.units.query.writes.length > 0;

  /** What the numbers on a side are, where they are those of several tokens on the other. */
  const taken = (name: Side): string => {
    const at = focus.value;
    const of = at && shadedSide(at) === name ? (at.queries ?? at.keys) : null;
    if (!of || of.length < 2) return "";
    return ` · ${howTaken(scene.scale, name === "key" ? "query" : "key", state.traits.combine.value)} of ${of.length}`;
  };
  /** Of a side that is scrolled: from where to where; of a folded one, how much of it. */
  const place = (name: Side): string => {
    const { fold, top } = sides.at[name].value;
    const [row, height] = [sides.row.value, sides.height.value];
    const all = fold.count.toLocaleString("en");
    if (isFolded(fold)) return `${shownIn(fold).toLocaleString("en")} of ${all}`;
    if (fold.rows * row <= height) return "";
    const first = Math.round(top / row);
    const last = Math.min(fold.count, Math.round((top + height) / row));
    return `${(first + 1).toLocaleString("en")}–${last.toLocaleString("en")} of ${all}`;
  };
  const explained = (name: Side): string => {
    if (taken(name)) return taken(name);
    if (found || !roomy) return "";
    return name === "key" ? ": what it looks at" : reads ? ": reads ▸ writes" : ": the token that looks";
  };
  return (
    <div class="sides" style={{ width: `${width}px` }}>
      <span style={{ right: `${width - Math.max(gloss, widths.left)}px` }}>
        query{explained("query")}
        {found && <span class="place"> {place("query")}</span>}
      </span>
      <span style={{ left: `${Math.min(widths.right, width - gloss)}px` }}>
        key{explained("key")}
        {found && <span class="place"> {place("key")}</span>}
      </span>
    </div>
  );
}
