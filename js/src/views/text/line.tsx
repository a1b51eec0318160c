// One line of the text: a piece a token, and between them the space as it was written.

import { raw } from "../../layout/numbers";
import { splitPart } from "../../layout/parts";
import { type Passage, splitGap } from "../../layout/passage";
import type { Side, Units } from "../../layout/units";
import { markOf } from "../../layout/units";
import type { Looks } from "./looks";

interface Props {
  /** px that a row is high. */
  row: number;
  line: number;
  passage: Passage;
  units: Units;
  side: Side;
  looks: Looks;
  /** Where the tab key arrives. */
  stop: number;
}

export function Line({ row, line, passage, units, side, looks, stop }: Props) {
  const { values, strengthOf, signs, classOf, isPinned } = looks;
  const { starts, rows, rightToLeft, begun } = passage;
  const [first, end] = [starts[line] as number, starts[line + 1] as number];
  const written = [];
  for (let unit = first; unit < end; unit++) {
    const [gap, rest] = splitPart(units.parts[unit] as string);
    const mark = markOf(units, unit);
    const value = values?.[unit];
    const shaded = value !== undefined && {
      "--weight": strengthOf(value),
      ...(signs && { "--pen": value < 0 ? signs.negative : signs.positive }),
    };
    written.push(
      unit > first || line === 0 ? gap : splitGap(gap, begun[line] === 1)[1],
      <span
        key={unit}
        class={classOf(unit)}
        role="option"
        data-side={side}
        data-index={unit}
        data-value={value === undefined ? undefined : raw(value)}
        data-mark={mark || undefined}
        aria-label={mark ? units.labels[unit] : undefined}
        aria-selected={isPinned(unit)}
        aria-posinset={unit + 1}
        aria-setsize={units.labels.length}
        tabIndex={unit === stop ? 0 : -1}
        title={titleOf(units, unit, rest)}
        style={shaded || {}}
      >
        {mark ? <span class="blank">{rest}</span> : rest}
      </span>,
    );
  }
  if (end < units.parts.length)
    written.push(splitGap(splitPart(units.parts[end] as string)[0], begun[line + 1] === 1)[0]);
  return (
    <div
      class="passage-line"
      dir={rightToLeft[line] ? "rtl" : "ltr"}
      style={{ top: `${(rows[line] as number) * row}px` }}
    >
      {written}
    </div>
  );
}

/** What the model reads there, where that is not what was written; and what the row of a decoder's token writes. */
function titleOf({ labels, special, writes, generated }: Units, unit: number, rest: string): string | undefined {
  const label = labels[unit] as string;
  const said = [
    rest === "" && !special[unit] && label,
    rest.trim() !== label && rest.trim() !== "" && `the model reads ${label}`,
    writes.length > 0 && `its row writes ${writes[unit]}`,
    generated[unit] && "written by the model",
  ].filter(Boolean);
  return said.length > 0 ? said.join(" · ") : undefined;
}
