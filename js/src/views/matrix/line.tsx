// One line above the matrix: which cell is pointed at and what is in it, and how near one is.

import { whyNoNumber } from "../../layout/comparison";
import { addsUp, exactly, hasSigns } from "../../layout/scale";
import type { Span } from "../../layout/tile";
import { isForbidden } from "../../layout/tile";
import type { Context } from "../../parts/context";
import type { Scene } from "../../source/scene";
import type { Cursor, MatrixStore } from "./store";

interface Props {
  context: Context;
  store: MatrixStore;
  scene: Scene;
  zoom(factor: number): void;
  canZoom: [out: boolean, into: boolean];
}

export function Line({ context, store, scene, zoom, canZoom: [out, into] }: Props) {
  const on = store.cursor.value;
  return (
    <div class="matrix-line">
      <span class="cell-says">{on ? cellInWords(context, store, scene, on) : sizeInWords(context, store)}</span>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is no part of a line */}
      <span role="group" aria-label="zoom" class="zoom">
        <button type="button" class="small-button" aria-label="zoom out" disabled={!out} onClick={() => zoom(1 / 1.5)}>
          −
        </button>
        <button type="button" class="small-button" aria-label="zoom in" disabled={!into} onClick={() => zoom(1.5)}>
          +
        </button>
        <button
          type="button"
          class="small-button"
          disabled={!out}
          onClick={() => {
            store.sight.value = null;
          }}
        >
          all
        </button>
      </span>
    </div>
  );
}

const count = (some: number): string => some.toLocaleString("en");

/** "1,024–1,151", or "7". */
const range = ([start, stop]: Span): string =>
  stop - start === 1 ? count(start) : `${count(start)}–${count(stop - 1)}`;

function sizeInWords({ state }: Context, { plan }: MatrixStore): string {
  const now = plan.value;
  if (!now) return "";
  const { stage, sight, level, at } = now;
  const units = state.traits.words.value ? "words" : "tokens";
  const size = 2 ** level;
  const cell = size === 1 ? "each cell one pair" : `each cell ${size} × ${size} ${units}`;
  if (at.isWhole) return `${count(stage.queries)} × ${count(stage.keys)} ${units} · ${cell}`;
  const of = stage.queries === stage.keys ? `of ${count(stage.keys)}` : "";
  const side = (name: string, span: Span, total: number) => `${name} ${range(span)}${of ? "" : ` of ${count(total)}`}`;
  const shown = [side("queries", sight.query, stage.queries), side("keys", sight.key, stage.keys)].join(", ");
  return `${of ? `${shown} ${of}` : shown} · ${cell}`;
}

function cellInWords({ state }: Context, store: MatrixStore, { scale, outline, units }: Scene, on: Cursor): string {
  const read = store.read(on);
  const spread = ([first, last]: Span) => Array.from({ length: last - first }, (_, at) => first + at);
  const isPair = on.queries[1] - on.queries[0] === 1 && on.keys[1] - on.keys[0] === 1;
  const many = state.traits.words.value ? "words" : "tokens";
  const where = isPair
    ? `${many.slice(0, -1)} ${range(on.queries)} → ${range(on.keys)}`
    : `queries ${range(on.queries)} → keys ${range(on.keys)}`;
  if (!read) return `${where}: not here yet`;
  const { largest, mass, step } = read;
  if (isForbidden(largest))
    return `${where}: ${step > 1 ? "forbidden as far as it was looked at" : whyNoNumber(outline, scale, spread(on.queries), spread(on.keys), units)}`;
  if (Number.isNaN(largest)) return `${where}: the model computed no number`;
  if (isPair) return `${where}: ${exactly(scale, largest)}`;
  const most = `${hasSigns(scale) ? `${scale.label} farthest from 0` : `largest ${scale.label}`} ${step > 1 ? "≥ " : ""}${exactly(scale, largest)}`;
  return `${where}: ${most} · ${addsUp(scale) ? "mass" : "mean"} ${step > 1 ? "≈ " : ""}${exactly(scale, mass)}`;
}

/** How exact what is on screen is, and the way to more. */
export function Exactness({ store: { cells } }: { store: MatrixStore }) {
  const { step, seconds, refining } = cells.progress.value;
  if (step === 1) return null;
  const long = seconds >= 1.5 ? `, about ${Math.round(seconds)} s` : "";
  return (
    <div class="exactness">
      {step === 0 ? "computing…" : `sampled: 1 query in ${step}`}
      {refining && <span class="in-full">exact on the way{long}</span>}
      {step > 1 && (long || !refining) && (
        <button type="button" class="small-button" onClick={() => cells.insist(!refining)}>
          {refining ? "Stop" : "Compute exactly"}
          {!refining && <span class="in-full">{long}</span>}
        </button>
      )}
    </div>
  );
}
