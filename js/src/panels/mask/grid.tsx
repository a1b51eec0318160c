// A mask as a grid: painted with the pointer, or with arrows and the space bar.

import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { drawMask } from "../../draw/mask";
import { between, type Cell, kindOf, MEANING, sideOf } from "../../layout/masks";
import { tokensOf } from "../../layout/units";
import type { Context } from "../../parts/context";

const LABELLED = 10; // px of a cell from which tokens stand beside it

export function Grid({ context: { masks, state, theme } }: { context: Context }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const cursor = useSignal<Cell>([0, 0]);
  const pointed = useSignal<Cell | null>(null);
  const hasFocus = useSignal(false);
  const stroke = useRef<{ attends: boolean; at: Cell } | null>(null);
  const cells = masks.cells.value;
  const outline = state.kernel.outline.value;
  const exact = masks.told.value?.exact ?? false;
  const side = cells ? sideOf(cells.rows, cells.columns) : 0;
  const here = pointed.value ?? (hasFocus.value ? cursor.value : null);
  useLayoutEffect(() => {
    if (canvas.current && cells) drawMask(canvas.current, cells, side, theme.value, exact ? here : null);
  });
  if (!cells || !outline) return null;
  const { rows, columns } = cells;
  const [queries, keys] = [tokensOf(outline.queries).tokens, tokensOf(outline.keys ?? outline.queries).tokens];
  const shareAt = ([row, column]: Cell) => cells.now[row * columns + column] as number;
  const cellAt = (event: PointerEvent): Cell => {
    const { left, top } = (canvas.current as HTMLCanvasElement).getBoundingClientRect();
    const place = (px: number, count: number) => Math.max(0, Math.min(count - 1, Math.floor(px / side)));
    return [place(event.clientY - top, rows), place(event.clientX - left, columns)];
  };
  const move = (event: PointerEvent) => {
    const to = cellAt(event);
    pointed.value = to;
    if (!stroke.current) return;
    masks.paint(between(stroke.current.at, to), stroke.current.attends);
    stroke.current.at = to;
  };
  const toggle = (at: Cell) => {
    masks.begin();
    masks.paint([at], shareAt(at) === 0);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const [row, column] = cursor.value;
    const steps: Record<string, Cell> = {
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      Home: [row, 0],
      End: [row, columns - 1],
    };
    const to = steps[event.key];
    if (to) {
      const inside: Cell = [Math.max(0, Math.min(rows - 1, to[0])), Math.max(0, Math.min(columns - 1, to[1]))];
      if (event.shiftKey) {
        masks.begin();
        masks.paint([inside], shareAt(cursor.value) > 0);
      }
      cursor.value = inside;
      pointed.value = null;
    } else if (event.key === " ") toggle(cursor.value);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const said =
    here &&
    `${queries[here[0]]} → ${keys[here[1]]}: ${MEANING[kindOf(cells.own[here[0] * columns + here[1]] as number, shareAt(here))]}`;
  const isLabelled = exact && side >= LABELLED;
  return (
    <div class="mask-grid" style={{ "--cell": `${side}px` }}>
      {isLabelled && (
        <>
          <ol class="mask-keys" aria-hidden="true">
            {keys.map((key, at) => (
              <li key={at} data-at={here?.[1] === at}>
                <bdi>{key}</bdi>
              </li>
            ))}
          </ol>
          <ol class="mask-queries" aria-hidden="true">
            {queries.map((query, at) => (
              <li key={at} data-at={here?.[0] === at}>
                <bdi>{query}</bdi>
              </li>
            ))}
          </ol>
        </>
      )}
      {exact ? (
        <div
          class="mask-cells"
          role="application"
          aria-roledescription="grid that is painted"
          aria-label="which query may attend to which key: arrows move, space hides a pair or lets it attend"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it is painted with keys
          tabIndex={0}
          onKeyDown={onKeyDown}
          onFocus={() => {
            hasFocus.value = true;
          }}
          onBlur={() => {
            hasFocus.value = false;
          }}
          onPointerDown={(event) => {
            if (event.button !== 0) return;
            const at = cellAt(event);
            cursor.value = at;
            event.currentTarget.setPointerCapture(event.pointerId);
            stroke.current = { attends: shareAt(at) === 0, at };
            masks.begin();
            move(event);
          }}
          onPointerMove={move}
          onPointerUp={() => {
            stroke.current = null;
          }}
          onPointerCancel={() => {
            stroke.current = null;
          }}
          onPointerLeave={() => {
            if (!stroke.current) pointed.value = null;
          }}
        >
          <canvas ref={canvas} />
        </div>
      ) : (
        <canvas ref={canvas} role="img" aria-label="the mask in small" />
      )}
      <p class="hint mask-pair" aria-live="polite">
        {exact ? said : `${queries.length} × ${keys.length} pairs, in small`}
      </p>
    </div>
  );
}
