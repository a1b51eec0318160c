// The variants side by side: one scale, one pair lit in all.

import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { hatchImage, heatGradient } from "../draw/heat";
import type { Theme } from "../host";
import { roundUp } from "../layout/cells";
import { largestOf, placesOf, withoutVariant } from "../layout/lab";
import { figure, roughly } from "../layout/numbers";
import { handOver } from "../parts/keep-focus";
import type { LabBoard } from "../wire/schema";
import { inkOf, Matrix } from "./matrix";
import type { Lab, Picture } from "./state";

interface Props {
  lab: Lab;
  board: LabBoard;
  theme: ReadonlySignal<Theme>;
}

export function Board({ lab, board, theme }: Props) {
  const row = useRef<HTMLDivElement>(null);
  const width = useSignal(0);
  useLayoutEffect(() => {
    const element = row.current as HTMLDivElement;
    const measure = () => {
      width.value = element.clientWidth;
    };
    const observer = new ResizeObserver(measure);
    measure();
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const pictures = lab.pictures.value;
  const top = useMemo(() => {
    const most = largestOf(pictures.flatMap(({ values }) => (values ? [values] : [])));
    return Math.min(1, roundUp(most));
  }, [pictures]);
  const strips = pictures.map(({ beside }) => beside !== null);
  const places = placesOf(width.value, board.tokens, strips);
  return (
    <section class="lab-board" aria-label="side by side">
      <div class="lab-row" ref={row}>
        {width.value > 0 &&
          pictures.map((picture, nth) => (
            <Column key={picture.name} {...{ lab, board, picture, top, theme }} place={places[nth]!} />
          ))}
      </div>
      <Legend pictures={pictures} top={top} theme={theme.value} />
      <Blindness pictures={pictures} />
    </section>
  );
}

interface ColumnProps extends Props {
  picture: Picture;
  place: ReturnType<typeof placesOf>[number];
  top: number;
}

function Column({ lab, board, picture, place, top, theme }: ColumnProps) {
  const { choice, set, flash, step } = lab;
  const { name, label, whose, problem, notes, blind, apart, strip } = picture;
  const several = choice.variants.value.length > 1;
  const run = name === "flash" ? flash.value : null;
  const rows = blind.map((at) => board.tokens[at]);
  return (
    <section class="lab-column" aria-label={label} data-variant={name} style={{ width: `${place.size[0]}px` }}>
      <header style={{ paddingLeft: `${Math.min(place.at.left, 8)}px` }}>
        <button
          type="button"
          class="lab-name"
          aria-pressed={choice.chosen.value === name}
          title="explain this one below"
          onClick={() => set({ chosen: name })}
        >
          {label}
        </button>
        {several && (
          <button
            type="button"
            class="lab-remove"
            aria-label={`remove ${label}`}
            onClick={(event) => {
              handOver(event.currentTarget);
              set(withoutVariant(choice.variants.value, choice.chosen.value, name));
            }}
          >
            ×
          </button>
        )}
      </header>
      <p class="note">{whose || "\u00a0"}</p>
      {picture.values ? (
        <Matrix
          {...{ picture, place, top, theme }}
          tokens={board.tokens}
          pointed={lab.pointed}
          pinned={lab.pinned}
          tiles={run && { of: run.steps, step: step.value }}
        />
      ) : (
        <p class="lab-problem" style={{ minHeight: `${place.size[1]}px` }}>
          {problem}
        </p>
      )}
      {strip && <p class="fine lab-strip">bars: {strip.label}, 0 to 1</p>}
      {apart !== null && name !== "scaled_dot_product" && notes.length === 0 && (
        <p class="fine" data-apart={apart}>
          {apart === 0 ? "the same weights as" : `up to ${figure(apart, 2)} from`} the scaled dot product
        </p>
      )}
      {notes.map((note) => (
        <p class="fine" key={note}>
          {note}
        </p>
      ))}
      {rows.length > 0 && (
        <p class="fine lab-blind">
          <b>
            <bdi>{rows.slice(0, 4).join(", ")}</bdi>
          </b>
          {rows.length > 4 && ` and ${rows.length - 4} more`} {rows.length === 1 ? "sees" : "see"} nothing
        </p>
      )}
    </section>
  );
}

function Legend({ pictures, top, theme }: { pictures: readonly Picture[]; top: number; theme: Theme }) {
  const drawn = pictures.filter(({ values }) => values);
  const hidden = drawn.some(({ values }) => values?.includes(Number.NEGATIVE_INFINITY));
  const end = roughly(top);
  return (
    <p class="lab-legend fine">
      {drawn.some(({ signed }) => !signed) && (
        <span>
          weight 0 <i class="ramp" style={{ background: heatGradient(inkOf(false, top, theme)) }} /> {end}
        </span>
      )}
      {drawn.some(({ signed }) => signed) && (
        <span>
          −{end} <i class="ramp" style={{ background: heatGradient(inkOf(true, top, theme)) }} /> +{end}
        </span>
      )}
      {hidden && (
        <span>
          <i class="hatched" style={{ background: hatchImage(theme) }} /> hidden by the mask
        </span>
      )}
      <span>rows: the token that looks · columns: the one looked at</span>
    </p>
  );
}

/** What rows do that see nothing: once, where it is the same in all pictures. */
function Blindness({ pictures }: { pictures: readonly Picture[] }) {
  const said = [...new Set(pictures.map(({ blindness }) => blindness).filter(Boolean))];
  return said.map((blindness) => {
    const labels = pictures.filter((one) => one.blindness === blindness).map(({ label }) => label);
    return (
      <p class="fine lab-blindness" key={blindness}>
        {said.length > 1 && <b>{labels.join(", ")}: </b>}
        {blindness}
      </p>
    );
  });
}
