import { useComputed } from "@preact/signals";
import { type Signs, signOf } from "../../draw/colours";
import { type Item, itemAt, rowNear } from "../../layout/fold";
import { briefly, type Scale } from "../../layout/scale";
import type { Side, Units } from "../../layout/units";
import { QueryName } from "../../parts/query-name";
import type { Shades } from "./shades";
import type { Sides } from "./sides";

interface Props {
  side: Side;
  units: Units;
  sides: Sides;
  /** px of a row, and of the stage. */
  row: number;
  height: number;
  /** px of a label. */
  width: number;
  /** px from the labels' inner end to the middle of the stage. */
  inner: number;
  scale: Scale;
  /** Whether weights are small: of a text that does not fit the stage. */
  isLong: boolean;
  shades: Shades | null;
  /** The colours of numbers of either sign. */
  signs: Signs | null;
  focused: readonly number[] | null | undefined;
  pinned: number[];
  /** Where what is looked for stands, and the place that Find is at. */
  found: { all: ReadonlySet<number>; here: ReadonlySet<number> };
  onHover(unit: number | null): void;
  onPin(unit: number, add: boolean): void;
}

const BEYOND = 12; // rows on either side that are in the page, too

/** One side's tokens: hover or focus one to see its lines, click or Enter to pin it; and the gaps between them. */
export function TokenColumn(props: Props) {
  const { side, units, sides, row, height, width, inner, pinned, onPin } = props;
  // By whole rows: less far scrolled, nothing here is another.
  const { value: fold } = useComputed(() => sides.at[side].value.fold);
  const { value: top } = useComputed(() => Math.floor(sides.at[side].value.top / sides.row.value));
  const high = Math.ceil(height / row) + 1;
  const first = Math.max(0, top - BEYOND);
  const stop = Math.min(fold.rows, top + high + BEYOND);
  // Where the tab key arrives: the first pin, or the nearest row that is in sight.
  const entry = Math.min(
    Math.max(pinned[0] === undefined ? 0 : rowNear(fold, pinned[0]), top),
    Math.min(fold.rows, Math.max(1, top + high - 1)) - 1,
  );

  const onKeyDown = (event: KeyboardEvent, place: number, item: Item) => {
    const unit = "unit" in item ? item.unit : item.gap[0];
    const page = Math.max(1, Math.floor(height / row) - 1);
    const to = {
      ArrowUp: [side, place - 1],
      ArrowDown: [side, place + 1],
      PageUp: [side, Math.max(0, place - page)],
      PageDown: [side, Math.min(fold.rows - 1, place + page)],
      Home: [side, 0],
      End: [side, fold.rows - 1],
      ArrowLeft: ["query", sides.near("query", unit)],
      ArrowRight: ["key", sides.near("key", unit)],
    }[event.key] as [Side, number] | undefined;
    if (to) {
      event.preventDefault();
      moveTo(stageOf(event), to, sides.bring);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if ("unit" in item) onPin(item.unit, event.shiftKey);
      else {
        sides.open(side, item.gap);
        focusSoon(stageOf(event), [side, place]); // what was opened stands in its place
      }
    }
  };
  const rows = [];
  for (let place = first; place < stop; place++) {
    const item = itemAt(fold, place);
    const style = { top: `${place * row}px`, height: `${row}px` };
    if ("gap" in item) {
      const [from, to] = item.gap;
      const count = `${(to - from).toLocaleString("en")} ${to - from === 1 ? "token" : "tokens"}`;
      rows.push(
        <div
          key={`gap ${to}`}
          class="gap"
          role="option"
          aria-selected="false"
          aria-label={`${count} not shown: Enter shows a few of them`}
          title={`positions ${from.toLocaleString("en")} to ${(to - 1).toLocaleString("en")}: click to show a few of them`}
          data-side={side}
          data-gap={`${from}-${to}`}
          style={style}
          onClick={() => sides.open(side, item.gap)}
          data-row={place}
          tabIndex={place === entry ? 0 : -1}
          onKeyDown={(event) => onKeyDown(event, place, item)}
        >
          <span style={{ maxWidth: `${width + 60}px` }}>… {count} …</span>
        </div>,
      );
    } else {
      rows.push(
        <Token
          key={item.unit}
          {...props}
          unit={item.unit}
          style={style}
          place={place}
          entry={entry}
          onKey={(event) => onKeyDown(event, place, item)}
        />,
      );
    }
  }
  return (
    <div
      class={`column ${side}`}
      role="listbox"
      aria-multiselectable="true"
      aria-label={side === "query" ? "queries: the tokens that look" : "keys: what they look at"}
      style={{ [side === "query" ? "right" : "left"]: `${inner}px`, [side === "query" ? "left" : "right"]: 0 }}
    >
      {units.labels.length > 0 && rows}
    </div>
  );
}

interface TokenProps extends Props {
  unit: number;
  style: Record<string, string>;
  /** Its row, and the one where the tab key arrives. */
  place: number;
  entry: number;
  onKey(event: KeyboardEvent): void;
}

function Token(props: TokenProps) {
  const {
    side,
    units,
    unit,
    style,
    place,
    entry,
    onKey,
    width,
    scale,
    isLong,
    shades,
    signs,
    focused,
    pinned,
    found,
    onHover,
    onPin,
  } = props;
  const shade = shades?.rows.get(unit);
  const isHidden = shades?.masked.get(unit)?.allowed === false;
  const classes = [
    "token",
    units.special[unit] && "special",
    units.generated[unit] && "generated",
    unit > 0 && units.segments?.[unit] !== units.segments?.[unit - 1] && "turn",
    focused?.includes(unit) && "focused",
    pinned.includes(unit) && "pinned",
    found.all.has(unit) && (found.here.has(unit) ? "hit hit-here" : "hit"),
    isHidden && "forbidden",
    shade && !shade.allowed && !isHidden && "left-out",
  ];
  return (
    <div
      class={classes.filter(Boolean).join(" ")}
      role="option"
      data-side={side}
      data-index={unit}
      aria-selected={pinned.includes(unit)}
      aria-posinset={unit + 1}
      aria-setsize={units.labels.length}
      style={{
        ...style,
        "--weight": shade?.strength || 0,
        ...(signs && { "--pen": signOf(signs, shade?.value ?? 0) }),
      }}
      onPointerEnter={() => onHover(unit)}
      onPointerLeave={() => onHover(null)}
      onFocus={() => onHover(unit)}
      onBlur={() => onHover(null)}
      onClick={(event) => onPin(unit, event.shiftKey)}
      data-row={place}
      tabIndex={place === entry ? 0 : -1}
      onKeyDown={onKey}
    >
      <bdi class="label" style={{ maxWidth: `${width}px` }} title={titleOf(side, units, unit)}>
        {side === "query" ? <QueryName units={units} unit={unit} /> : units.labels[unit]}
      </bdi>
      <span class="number" style={{ [side === "query" ? "right" : "left"]: `${width + 12}px` }}>
        {shade ? (shade.allowed ? briefly(scale, shade.value, isLong) : "–") : ""}
      </span>
    </div>
  );
}

function titleOf(side: Side, { labels, writes, generated }: Units, unit: number): string {
  const row = side === "query" && writes.length > 0 ? `: the row that reads it writes ${writes[unit]}` : "";
  return `${labels[unit]}${row}${generated[unit] ? " (written by the model)" : ""} · position ${unit.toLocaleString("en")}`;
}

const stageOf = (event: Event) => (event.currentTarget as Element).closest(".stage") as HTMLElement;

const find = (stage: Element, [side, row]: [Side, number]) =>
  stage.querySelector<HTMLElement>(`[data-side="${side}"][data-row="${row}"]`);

/** Focus a row; one that is scrolled away is scrolled to first. */
function moveTo(stage: HTMLElement, to: [Side, number], bring: (side: Side, row: number) => void): void {
  const there = find(stage, to);
  const at = there?.getBoundingClientRect();
  const { top, bottom } = stage.getBoundingClientRect();
  if (there && at && at.top >= top - 1 && at.bottom <= bottom + 1) {
    there.focus({ preventScroll: true });
  } else {
    bring(...to);
    focusSoon(stage, to);
  }
}

/** Once what was asked for is in the page: before the next key is pressed, which would else reach nobody. */
async function focusSoon(stage: HTMLElement, to: [Side, number]): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await Promise.resolve(); // a rendering is waiting in the queue
  find(stage, to)?.focus({ preventScroll: true });
}
