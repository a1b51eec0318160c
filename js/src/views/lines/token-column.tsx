import type { Shade } from "../../layout/focus";
import { briefly, type Scale } from "../../layout/scale";
import type { Side, Units } from "../../layout/units";
import { QueryName } from "../../parts/query-name";

interface Props {
  side: Side;
  units: Units;
  /** The rows that are in the page; the others are scrolled away. */
  sight: { first: number; stop: number };
  row: number;
  width: number;
  /** Distance of the labels' inner end from the stage's edge on their side. */
  edge: number;
  scale: Scale;
  /** The numbers of the rows; and what they are with nothing left out, where that tells what the mask hides. */
  shades: { rows: Map<number, Shade>; masked: Map<number, Shade> } | null;
  focused: readonly number[] | null | undefined;
  pinned: number[];
  onHover(unit: number | null): void;
  onPin(unit: number, add: boolean): void;
}

/** One side's tokens: hover or focus one to see its lines, click or Enter to pin it. */
export function TokenColumn(props: Props) {
  const { side, units, sight, row, width, edge, scale, shades, focused, pinned, onHover, onPin } = props;
  // Where the tab key arrives: the first pin, or the nearest row that is in the page.
  const entry = Math.min(Math.max(pinned[0] ?? 0, sight.first), Math.min(sight.stop, units.labels.length) - 1);

  const onKeyDown = (event: KeyboardEvent, unit: number) => {
    const to = {
      ArrowUp: [side, unit - 1],
      ArrowDown: [side, unit + 1],
      Home: [side, 0],
      End: [side, units.labels.length - 1],
      ArrowLeft: ["query", unit],
      ArrowRight: ["key", unit],
    }[event.key] as [Side, number] | undefined;
    if (to) {
      event.preventDefault();
      moveTo(event.currentTarget as Element, to, row);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      onPin(unit, event.shiftKey);
    }
  };

  const tokens = [];
  for (let unit = sight.first; unit < Math.min(sight.stop, units.labels.length); unit++) {
    const shade = shades?.rows.get(unit);
    const isHidden = shades?.masked.get(unit)?.allowed === false;
    const classes = [
      "token",
      units.special[unit] && "special",
      units.generated[unit] && "generated",
      focused?.includes(unit) && "focused",
      pinned.includes(unit) && "pinned",
      isHidden && "forbidden",
      shade && !shade.allowed && !isHidden && "left-out",
    ];
    tokens.push(
      <div
        key={unit}
        class={classes.filter(Boolean).join(" ")}
        role="option"
        data-side={side}
        data-index={unit}
        aria-selected={pinned.includes(unit)}
        aria-posinset={unit + 1}
        aria-setsize={units.labels.length}
        tabIndex={unit === entry ? 0 : -1}
        style={{ top: `${unit * row}px`, height: `${row}px`, "--weight": shade?.strength || 0 }}
        onPointerEnter={() => onHover(unit)}
        onPointerLeave={() => onHover(null)}
        onFocus={() => onHover(unit)}
        onBlur={() => onHover(null)}
        onClick={(event) => onPin(unit, event.shiftKey)}
        onKeyDown={(event) => onKeyDown(event, unit)}
      >
        <bdi class="label" style={{ maxWidth: `${width}px` }} title={titleOf(side, units, unit)}>
          {side === "query" ? <QueryName units={units} unit={unit} /> : units.labels[unit]}
        </bdi>
        <span class="number" style={{ [side === "query" ? "right" : "left"]: `${width + 12}px` }}>
          {shade ? (shade.allowed ? briefly(scale, shade.value) : "–") : ""}
        </span>
      </div>,
    );
  }
  return (
    <div
      class={`column ${side}`}
      role="listbox"
      aria-multiselectable="true"
      aria-label={side === "query" ? "queries: the tokens that look" : "keys: what they look at"}
      style={{ [side === "query" ? "left" : "right"]: 0, width: `${edge}px` }}
    >
      {tokens}
    </div>
  );
}

function titleOf(side: Side, { labels, writes, generated }: Units, unit: number): string {
  const row = side === "query" && writes.length > 0 ? `: the row that reads it writes ${writes[unit]}` : "";
  return `${labels[unit]}${row}${generated[unit] ? " (written by the model)" : ""}`;
}

/** Focus a token; one that is scrolled away is scrolled to first. */
function moveTo(from: Element, [side, unit]: [Side, number], row: number): void {
  const scroll = from.closest(".scroll") as HTMLElement;
  const find = () => scroll.querySelector<HTMLElement>(`[data-side="${side}"][data-index="${unit}"]`);
  if (find()) {
    find()?.focus();
    return;
  }
  scroll.scrollTop = unit * row - scroll.clientHeight / 2;
  requestAnimationFrame(() => requestAnimationFrame(() => find()?.focus()));
}
