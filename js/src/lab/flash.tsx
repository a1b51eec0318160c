// Flash attention as it runs: tile by tile, with each row's largest score, sum and output so far, and the bytes moved.

import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import { SIGNS } from "../draw/colours";
import type { Theme } from "../host";
import { amount, apartInWords, movedBy, offsetsOf } from "../layout/lab";
import { figure, short } from "../layout/numbers";
import type { LabBoard } from "../wire/schema";
import type { Lab, Run } from "./state";

const PACE = 700; // ms a tile
const STILL = "(prefers-reduced-motion: reduce)";

interface Props {
  lab: Lab;
  board: LabBoard;
  run: Run;
  theme: ReadonlySignal<Theme>;
}

export function Flash({ lab: { step }, board, run, theme }: Props) {
  const [playing, play] = useState(false);
  const last = run.steps.length - 1;
  const at = Math.min(step.value, last);
  const tile = run.steps[at];
  const offsets = useMemo(() => offsetsOf(run), [run]);
  const still = matchMedia(STILL).matches;
  const go = (to: number) => {
    step.value = Math.max(0, Math.min(last, to));
  };
  useEffect(() => {
    if (!playing) return;
    if (at >= last) {
      play(false);
      return;
    }
    const timer = setTimeout(() => go(at + 1), PACE);
    return () => clearTimeout(timer);
  }, [playing, at, last]);
  if (!tile) return null;
  const moved = movedBy(run, at);
  const all = moved.read + moved.written;
  const most = Math.max(run.plainBytes, movedBy(run, last).read + movedBy(run, last).written);
  return (
    <section class="lab-flash" aria-label="flash attention, tile by tile" data-step={at} data-steps={run.steps.length}>
      <div class="lab-play">
        <button
          type="button"
          class="small-button"
          aria-label="previous tile"
          disabled={at === 0}
          onClick={() => go(at - 1)}
        >
          ‹
        </button>
        {!still && (
          <button
            type="button"
            class="small-button play"
            onClick={() => {
              if (!playing && at >= last) go(0);
              play(!playing);
            }}
          >
            {playing ? "pause" : "play"}
          </button>
        )}
        <button
          type="button"
          class="small-button"
          aria-label="next tile"
          disabled={at === last}
          onClick={() => go(at + 1)}
        >
          ›
        </button>
        <input
          type="range"
          aria-label="tile"
          aria-valuetext={`tile ${at + 1} of ${run.steps.length}`}
          {...{ min: 0, max: last, step: 1 }}
          value={at}
          onInput={(event) => {
            play(false);
            go(event.currentTarget.valueAsNumber);
          }}
        />
        <span>
          tile <b>{at + 1}</b> of {run.steps.length}
        </span>
      </div>
      <p class="lab-tile-says">
        {tile.skipped
          ? "The mask forbids all of this tile: nothing is read or computed."
          : `Queries ${spanOf(tile.queries)} meet keys ${spanOf(tile.keys)}.`}{" "}
        {tile.last && "These rows are done: divided by their sum, they are written out."}
      </p>
      <div class="lab-flash-two">
        <TileMap run={run} at={at} onGo={go} />
        <TileScores {...{ board, run, at }} theme={theme.value} />
        <Rows {...{ board, run, at }} from={offsets[at] as number} theme={theme.value} />
      </div>
      <div class="lab-moved">
        <span class="lab-cost-line">
          <span>bytes moved so far, all {run.heads} heads</span>
          <b data-moved={all}>
            {amount(all, "bytes")} ({amount(moved.read, "bytes")} read, {amount(moved.written, "bytes")} written)
          </b>
        </span>
        <i class="bar own" style={{ "--score": all / most }} />
        <i class="bar" style={{ "--score": run.plainBytes / most }} />
        <span class="fine lab-cost-line">
          <span>with scores and weights written out{all > run.plainBytes && ": on so short a text that is less"}</span>
          <span>{amount(run.plainBytes, "bytes")}</span>
        </span>
      </div>
      <p class="lab-flash-end" data-end={at === last}>
        {at === last ? (
          <>
            Done: equal to the exact result but for rounding in float32,{" "}
            <b data-difference={run.difference}>{apartInWords(run.difference)}</b> over all heads' outputs.
          </>
        ) : (
          "At the last tile the outputs are compared with the exact ones."
        )}
      </p>
    </section>
  );
}

const spanOf = ([first, end]: readonly [number, number]): string =>
  end - first === 1 ? String(first) : `${first}–${end - 1}`;

/** All tiles, as they lie in the matrix: done, at work, still to come. */
function TileMap({ run, at, onGo }: { run: Run; at: number; onGo(step: number): void }) {
  const across = run.steps.filter(({ queries }) => queries[0] === 0).length;
  const down = run.steps.length / across;
  const size = Math.max(7, Math.min(18, Math.floor(120 / Math.max(across, down))));
  const stateOf = (nth: number, skipped: boolean) =>
    ["tile", skipped && "skipped", nth < at && "done", nth === at && "now"].filter(Boolean).join(" ");
  return (
    <figure class="lab-tile-map">
      <figcaption>tiles</figcaption>
      <svg
        width={across * size + 2}
        height={down * size + 2}
        role="img"
        aria-label={`${down} × ${across} tiles, ${at} done`}
      >
        {run.steps.map(({ queries, keys, skipped }, nth) => (
          // biome-ignore lint/a11y/noStaticElementInteractions: the slider does the same by keyboard
          <rect
            key={`${queries[0]} ${keys[0]}`}
            class={stateOf(nth, skipped)}
            x={(nth % across) * size + 1}
            y={Math.floor(nth / across) * size + 1}
            width={size - 1}
            height={size - 1}
            onClick={() => onGo(nth)}
          />
        ))}
      </svg>
    </figure>
  );
}

/** The scores of the tile at work; nothing else of them is ever there. */
function TileScores({ board, run, at, theme }: { board: LabBoard; run: Run; at: number; theme: Theme }) {
  const tile = run.steps[at];
  const n = board.tokens.length;
  const scores = run.numbers.scores as Float32Array;
  if (!tile) return null;
  const [rows, columns] = [range(tile.queries), range(tile.keys)];
  const most =
    scores.reduce((largest, one) => (Number.isFinite(one) ? Math.max(largest, Math.abs(one)) : largest), 0) || 1;
  return (
    <div class="lab-scroll">
      <table class="lab-tile">
        <caption>scores of this tile</caption>
        <thead>
          <tr>
            <td />
            {columns.map((key) => (
              <th scope="col" key={key}>
                <bdi>{board.tokens[key]}</bdi>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((query) => (
            <tr key={query}>
              <th scope="row">
                <bdi>{board.tokens[query]}</bdi>
              </th>
              {columns.map((key) => {
                const value = scores[query * n + key] as number;
                const hidden = value === Number.NEGATIVE_INFINITY;
                return (
                  <td
                    key={key}
                    class={hidden ? "hidden" : ""}
                    style={hidden ? {} : { background: tint(value, most, theme) }}
                  >
                    {short(value)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What is kept of each row: its largest score, its sum, its output. */
function Rows({ board, run, at, from, theme }: { board: LabBoard; run: Run; at: number; from: number; theme: Theme }) {
  const tile = run.steps[at];
  const { maximum, total, rescaled, output, exact } = run.numbers as Record<string, Float32Array>;
  if (!tile || !maximum || !total || !rescaled || !output || !exact) return null;
  const isFirst = tile.keys[0] === 0; // there is no old sum yet
  const most =
    exact.reduce((largest, one) => (Number.isFinite(one) ? Math.max(largest, Math.abs(one)) : largest), 0) || 1;
  return (
    <div class="lab-scroll">
      <table class="lab-rows">
        <caption>kept of each row after it</caption>
        <thead>
          <tr>
            <td />
            <th scope="col" title="largest score so far">
              max μ
            </th>
            <th scope="col" title="what sum and output so far were multiplied with, because the maximum grew">
              × old
            </th>
            <th scope="col" title="sum of the exponentials so far">
              sum l
            </th>
            <th scope="col">output O / l{run.shown < run.width && `, ${run.shown} of ${run.width} numbers`}</th>
          </tr>
        </thead>
        <tbody>
          {range(tile.queries).map((query, nth) => (
            <tr key={query}>
              <th scope="row">
                <bdi>{board.tokens[query]}</bdi>
              </th>
              <td data-kept="maximum">{figure(maximum[from + nth], 3)}</td>
              <td class={isFirst || rescaled[from + nth] === 1 ? "same" : "less"}>
                {isFirst ? "–" : figure(rescaled[from + nth], 2)}
              </td>
              <td data-kept="total">{figure(total[from + nth], 3)}</td>
              <td class="lab-output">
                {Array.from({ length: run.shown }, (_, column) => {
                  const value = output[(from + nth) * run.shown + column] as number;
                  return <i key={column} title={figure(value)} style={{ background: tint(value, most, theme, 100) }} />;
                })}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const range = ([first, end]: readonly [number, number]): number[] =>
  Array.from({ length: end - first }, (_, nth) => first + nth);

const tint = (value: number, most: number, theme: Theme, strength = 45): string =>
  Number.isFinite(value)
    ? `color-mix(in srgb, ${value < 0 ? SIGNS[theme].negative : SIGNS[theme].positive} ${Math.round(Math.min(1, Math.abs(value) / most) * strength)}%, transparent)`
    : "transparent";
