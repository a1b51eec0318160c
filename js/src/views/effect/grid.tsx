// Layers down, heads across, in the colours of their effects; beside each layer what it adds to the sum.

import { useComputed } from "@preact/signals";
import { SIGNS } from "../../draw/colours";
import { rampColour } from "../../draw/strips";
import {
  effectOf,
  inCell,
  type Stack,
  type SumRow,
  signedFigure,
  signedShort,
  stackOf,
  stepInWords,
} from "../../layout/effects";
import { headName } from "../../layout/heads";
import { figure } from "../../layout/numbers";
import type { Context } from "../../parts/context";
import type { Head, Outline, Sum } from "../../wire/schema";
import type { EffectStore } from "./store";

interface Props {
  context: Context;
  store: EffectStore;
}

const NUMBERED = 8; // heads up to which cells have room for their number
const SOME = 16;
const FEW_LAYERS = 16;
const range = (length: number) => Array.from({ length }, (_, at) => at);

export function Grid({ context, store }: Props) {
  const outline = context.state.kernel.outline.value;
  const stack = useComputed(() => {
    const sum = store.effects.value?.sum;
    return sum ? { sum, ...stackOf(sum) } : null;
  });
  if (!outline) return null;
  const { layers, heads } = outline;
  const beside = stack.value;
  const width = heads <= NUMBERED ? 36 : heads <= SOME ? 24 : 13;
  const height = layers <= FEW_LAYERS ? 24 : 13;
  const at = (layer: number) => beside?.rows.find((row) => row.layer === layer);
  const others = beside?.rows.filter(({ layer }) => layer === null) ?? [];
  const first = beside?.rows.findIndex(({ layer }) => layer !== null) ?? 0;
  const every = width >= 15 ? 1 : 4;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is no grid
    <div
      class="effect-grid"
      role="group"
      aria-label="all heads by their effect"
      style={{
        ...{ "--most": `${width}px`, "--high": `${height}px`, "--heads": heads },
        ...{ "--below": SIGNS[context.theme.value].negative, "--above": SIGNS[context.theme.value].positive },
      }}
      onPointerLeave={() => {
        store.pointed.value = null;
      }}
    >
      <div class="effect-row effect-numbers" aria-hidden="true">
        <span class="layer" />
        <span class="effect-cells">
          {range(heads).map((head) => (
            <span key={head}>{head % every === 0 ? head : ""}</span>
          ))}
        </span>
        {beside && (
          <span class="flow">
            <span class="flow-title">running total</span>
            {height > 15 && (
              <span class="flow-numbers">
                <span>attention</span>
                <span>MLP</span>
              </span>
            )}
          </span>
        )}
      </div>
      {beside && others.slice(0, first).map((row) => <Other key={row.steps[0]?.name} row={row} stack={beside} />)}
      {range(layers).map((layer) => (
        // biome-ignore lint/a11y/useSemanticElements: the same
        <div class="effect-row" key={layer} role="group" aria-label={`layer ${layer}`}>
          <span class="layer" aria-hidden="true">
            {layer}
          </span>
          <Cells context={context} store={store} outline={outline} layer={layer} isNumbered={width > 30} />
          {beside && <Flow row={at(layer)} stack={beside} isWide={height > 15} />}
        </div>
      ))}
      {beside && others.slice(first).map((row) => <Other key={row.steps[0]?.name} row={row} stack={beside} />)}
      {beside && <Total sum={beside.sum} />}
      {!beside && store.effects.value?.noSum && (
        <p class="hint effect-no-sum">No sum of the parts: {store.effects.value.noSum}</p>
      )}
    </div>
  );
}

function Cells(props: Props & { outline: Outline; layer: number; isNumbered: boolean }) {
  const { context, store, outline, layer, isNumbered } = props;
  const { theme, state } = context;
  const grid = store.grid.value;
  const entry = store.cursor.value;
  const canRun = store.canRun.value;
  const chosen = new Set(state.traits.heads.value.map(headName));
  return (
    <span class="effect-cells">
      {range(outline.heads).map((number) => {
        const head: Head = [layer, number];
        const name = headName(head);
        const value = grid ? effectOf(grid, head) : Number.NaN;
        const off = store.isOff(head);
        const none = Number.isNaN(value);
        const { ground, ink } = none || !grid ? { ground: "", ink: "" } : rampColour(value, grid.limit, theme.value);
        const said = `${name}, ${none ? "no number" : signedFigure(value)}${off ? ", off" : ""}`;
        return (
          <button
            type="button"
            key={number}
            class={["effect-cell", none && "none", off && "off", chosen.has(name) && "picked"]
              .filter(Boolean)
              .join(" ")}
            data-head={name}
            data-value={none ? "" : value}
            data-short={isNumbered && !none ? inCell(value) : undefined}
            aria-label={said}
            aria-pressed={off}
            aria-disabled={!canRun}
            tabIndex={entry[0] === layer && entry[1] === number ? 0 : -1}
            style={ground ? { background: ground, color: ink } : {}}
            onPointerEnter={() => {
              store.pointed.value = head;
            }}
            onFocus={() => {
              store.pointed.value = head;
              store.cursor.value = head;
            }}
            onClick={() => canRun && store.toggle(head)}
            onKeyDown={(event) => {
              const to = store.move(head, event.key);
              if (!to) return;
              event.preventDefault();
              const all = (event.currentTarget as Element).closest(".effect-grid") as Element;
              all.querySelector<HTMLElement>(`[data-head="${headName(to)}"]`)?.focus();
            }}
          />
        );
      })}
    </span>
  );
}

/** A part that belongs to no layer: its name where the heads of a layer are. */
function Other({ row, stack }: { row: SumRow; stack: Stack }) {
  return (
    <div class="effect-row effect-other">
      <span class="effect-part">{row.steps[0]?.name}</span>
      <Flow row={row} stack={stack} isWide={true} />
    </div>
  );
}

/** What a row adds to the running total, part by part. */
function Flow(props: { row: SumRow | undefined; stack: Stack; isWide: boolean }) {
  const { row, stack, isWide } = props;
  const steps = row?.steps ?? [];
  const said = steps.map((step) => stepInWords(row?.layer ?? null, step));
  return (
    <span class="flow" title={said.join(" · ")} style={{ "--zero": stack.zero, "--steps": steps.length }}>
      <span class="unseen">{said.join(", ")}</span>
      <span class="flow-room" aria-hidden="true">
        {steps.map((step, at) => (
          <i
            key={at}
            class={step.value < 0 ? "below" : "above"}
            style={{ "--from": Math.min(step.from, step.to), "--size": Math.abs(step.to - step.from), "--at": at }}
          />
        ))}
      </span>
      {isWide && (
        <span class="flow-numbers" aria-hidden="true">
          {steps.map((step, at) => (
            <span key={at}>{signedShort(step.value)}</span>
          ))}
        </span>
      )}
    </span>
  );
}

/** All of it together, and how far that is from the model's own. */
function Total({ sum: { total, logit, missing } }: { sum: Sum }) {
  const apart = total === null || logit === null ? null : Math.abs(total - logit);
  return (
    <div class="effect-total">
      <p>
        together <b>{total === null ? "no number" : figure(total)}</b> · the model’s own logit{" "}
        <b>{logit === null ? "no number" : figure(logit)}</b>
        {apart !== null && <span class="hint"> · apart by {apart.toExponential(0)}</span>}
      </p>
      {missing.map((why) => (
        <p class="hint" key={why}>
          Not in the sum: {why}
        </p>
      ))}
    </div>
  );
}
