// The breakdown: one query of one head, every step from q·k to what the layer writes.

import { type ReadonlySignal, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { BreakdownStore, Level, Shown } from "../../breakdown";
import { pensFor } from "../../draw/colours";
import { shadeFor } from "../../draw/contrast";
import type { Theme } from "../../host";
import type { Labels } from "../../labels";
import { STEPS, type Step, type Steps } from "../../layout/steps";
import { NARROW, RESULT } from "../../layout/table";
import type { State } from "../../state";
import type { Breakdown as Told } from "../../wire/protocol";
import { headName } from "../words";
import { Detail } from "./detail";
import { explain } from "./explain";
import { Chips, Formula } from "./formula";
import type { ViewProps } from "./frame";
import { Heads } from "./heads";
import { queryName, saySpot } from "./say";
import { Table } from "./table";
import { WhatIfPanel } from "./whatif";

interface Props {
  state: State;
  store: BreakdownStore;
  labels: ReadonlySignal<Labels | null>;
  theme: ReadonlySignal<Theme>;
  /** Whether the kernel does not answer. */
  silent: ReadonlySignal<boolean>;
  onDrawn(told: Told): void;
}

const MARGIN = 16;
const LATE = 150; // ms: what is computed sooner is not announced

export function BreakdownView({ state, store, labels, theme, silent, onDrawn }: Props) {
  const shown = store.shown.value;
  const frame = useRef<HTMLElement>(null);
  const width = useSignal(0);
  const late = useSignal(false);
  useSignalEffect(() => {
    late.value = false;
    if (store.current.value) return;
    const timer = setTimeout(() => {
      late.value = true;
    }, LATE);
    return () => clearTimeout(timer);
  });
  useLayoutEffect(() => {
    const element = frame.current as HTMLElement;
    const measure = () => {
      width.value = Math.max(0, element.clientWidth - 2 * MARGIN);
    };
    const observer = new ResizeObserver(measure);
    measure();
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (shown && (width.value > 0 || !shown.steps)) onDrawn(shown.told);
  }, [shown, width.value > 0]);
  useEffect(
    () => () => {
      store.spot.value = null;
    },
    [],
  );

  const onKeyDown = (event: KeyboardEvent) => {
    const target = event.target as HTMLElement;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = store.step.value;
    const to = /^[1-7]$/.test(event.key)
      ? (Number(event.key) as Step)
      : { ArrowRight: at + 1, ArrowLeft: at - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (!STEPS.includes(to as Step)) return;
    store.step.value = to as Step;
    const spot = store.spot.value;
    if (typeof spot?.row === "number")
      store.spot.value = { row: spot.row, column: RESULT[to as Step], dimension: null };
    const list = target.closest(".chips, .formula");
    list?.querySelector<HTMLElement>(`[data-step="${to}"], [data-part="${to}"]`)?.focus();
  };

  const head = shown?.told.head ?? state.traits.heads.value[0] ?? [0, 0];
  const pen = pensFor([head], labels.value, theme.value)[0]?.colour ?? "";
  const steps = shown?.steps;
  return (
    <section
      class={width.value < NARROW ? "breakdown narrow" : "breakdown"}
      ref={frame}
      aria-label="breakdown"
      tabIndex={-1}
      onKeyDown={onKeyDown}
      style={{ "--pen": pen, "--strongest": `${100 * shadeFor(pen, theme.value)}%` }}
      data-step-shown={store.step.value}
    >
      {!shown && <div class="breakdown-waiting hint">computing the steps of {headName(head)} …</div>}
      {shown && !steps && <Missing shown={shown} />}
      {shown && steps && width.value > 0 && (
        <Whole
          {...{ state, store, shown, steps, width: width.value, theme: theme.value, pen }}
          late={late.value}
          silent={silent.value}
        />
      )}
    </section>
  );
}

interface WholeProps extends ViewProps {
  /** The next steps are awaited: these are the last ones. */
  late: boolean;
  silent: boolean;
}

function Whole(props: WholeProps) {
  const { state, store, shown, steps, width, theme, pen, late, silent } = props;
  const step = store.step.value;
  const told = explain(shown, steps, step, store.level.value);
  const narrow = width < NARROW;
  return (
    <>
      <Formula store={store} steps={steps} heads={shown.outline.heads} />
      <Chips store={store} />
      {store.editing.value && <WhatIfPanel {...{ state, store, shown, steps, late }} />}
      {late && <Awaited state={state} shown={shown} silent={silent} />}
      <p class={`explanation ${store.level.value}${late ? " late" : ""}`} aria-live="polite">
        {told && (
          <>
            <b>{steps.changed && !narrow ? told.title.replace(".", ", as in the model.") : told.title}</b>{" "}
            <span class="hint">{told.text}</span>
          </>
        )}
      </p>
      <div class={late ? "late" : ""}>
        <Table {...{ state, store, shown, steps, width, theme, pen }} />
        <Detail {...{ state, store, shown, steps, width, theme, pen }} />
        {(!narrow || step === 7) && <Heads state={state} shown={shown} steps={steps} active={step === 7} />}
      </div>
      <Status store={store} shown={shown} steps={steps} />
    </>
  );
}

/** In the explanation's place, so that nothing moves: whose steps these still are, and what comes next. */
function Awaited({ state, shown, silent }: { state: State; shown: Shown; silent: boolean }) {
  const { told, outline, queries } = shown;
  const { heads, queries: pinned } = state.traits;
  const head = heads.value[0] ?? told.head;
  const sameText = state.told._outline.value?.run === outline.run;
  const names = pinned.value.map((at) => queries.tokens[at] ?? "?");
  const wanted = sameText
    ? [
        headName(head) !== headName(told.head) && headName(head),
        names.length > 0 && pinned.value.join() !== told.queries.join() && names.join(", "),
      ].filter(Boolean)
    : ["the new text"];
  const failed = state.told._status.value?.state === "error";
  const doing = failed || silent ? "not computed yet:" : "computing";
  return (
    <p class="awaited" aria-live="polite">
      <span>
        still showing <b>{headName(told.head)}</b>, <bdi>{queryName(shown)}</bdi>
        {` · ${doing} `}
        <b>
          <bdi>{wanted.join(", ") || "the change"}</bdi>
        </b>
      </span>
    </p>
  );
}

/** Why there are no steps; what there is to see is said too. */
function Missing({ shown }: { shown: Shown }) {
  return (
    <div class="no-steps">
      <p>
        <b>No steps for {headName(shown.told.head)}:</b> {shown.missing}
      </p>
      <p class="hint">The weights themselves are in the view “Lines”.</p>
    </div>
  );
}

const LEVELS: Level[] = ["sentence", "paragraph", "formula", "off"];

function Status({ store, shown, steps }: { store: BreakdownStore; shown: Shown; steps: Steps }) {
  return (
    <footer class="status">
      <p role="status" class="saying">
        <Saying store={store} shown={shown} steps={steps} />
      </p>
      <fieldset class="choice levels">
        <legend>explain:</legend>
        {LEVELS.map((level) => (
          <button
            key={level}
            type="button"
            aria-pressed={store.level.value === level}
            onClick={() => {
              store.level.value = level;
            }}
          >
            {level}
          </button>
        ))}
      </fieldset>
    </footer>
  );
}

/** Alone, so that only this line follows the pointer. */
function Saying({ store, shown, steps }: { store: BreakdownStore; shown: Shown; steps: Steps }) {
  const spot = store.spot.value;
  const valid = spot && !(typeof spot.row === "number" && spot.row >= steps.told.rows.length);
  const pieces = valid ? saySpot(shown, steps, spot) : [];
  if (pieces.length === 0) {
    return <span class="hint">point at a number to read it · click a row to pin it · keys 1–7: steps</span>;
  }
  return (
    <span>
      {pieces.map((piece, at) =>
        typeof piece === "string" ? (
          <span key={at}>{piece}</span>
        ) : (
          <b key={at}>
            <bdi>{piece.token}</bdi>
          </b>
        ),
      )}
    </span>
  );
}
