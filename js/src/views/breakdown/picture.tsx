// One query of one head, every step from q·k to what the layer writes.

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { pensFor } from "../../draw/colours";
import { shadeFor } from "../../draw/contrast";
import { headName } from "../../layout/heads";
import { STEPS, type Step } from "../../layout/steps";
import { NARROW, RESULT } from "../../layout/table";
import type { Context } from "../../parts/context";
import { NumberRows } from "../../parts/number-rows";
import type { State } from "../../state/state";
import type { ViewProps } from "./context";
import { Detail } from "./detail";
import { explain } from "./explain";
import { Chips, Formula } from "./formula";
import { HeadOutputs } from "./head-outputs";
import { Pipeline } from "./pipeline";
import { queryName } from "./readings";
import type { BreakdownStore, Shown } from "./store";
import { Table } from "./table";
import { WhatIfPanel } from "./what-if";

const MARGIN = 16;
const LATE = 150; // ms: what is computed sooner is not announced

export function Picture({ context, store }: { context: Context; store: BreakdownStore }) {
  const { state, categories, theme, client } = context;
  const shown = store.shown.value;
  const section = useRef<HTMLElement>(null);
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
    const element = section.current as HTMLElement;
    const measure = () => {
      width.value = Math.max(0, element.clientWidth - 2 * MARGIN);
    };
    const observer = new ResizeObserver(measure);
    measure();
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (shown && (width.value > 0 || !shown.steps)) store.drawn.value = shown.payload;
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

  const head = shown?.payload.head ?? state.traits.heads.value[0] ?? [0, 0];
  const pen = pensFor([head], categories.now.value, theme.value)[0]?.colour ?? "";
  const steps = shown?.steps;
  return (
    <section
      class={`breakdown ${width.value < NARROW ? "narrow" : ""}`}
      ref={section}
      aria-label="steps of the computation"
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
          silent={client.silent.value}
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
  const explanation = explain(shown, steps, step, store.level.value);
  const narrow = width < NARROW;
  return (
    <>
      {shown.payload.pipeline && (
        <Pipeline way={shown.payload.pipeline} layer={shown.payload.head[0]} step={step} level={store.level.value} />
      )}
      <Formula store={store} steps={steps} heads={shown.outline.heads} />
      <Chips store={store} />
      {store.editing.value && <WhatIfPanel {...{ state, store, shown, steps, late, silent }} />}
      {late && <Awaited state={state} shown={shown} silent={silent} />}
      <p class={`explanation ${store.level.value}${late ? " late" : ""}`} aria-live="polite">
        {explanation && (
          <>
            <b>{steps.changed && !narrow ? explanation.title.replace(".", ", as in the model.") : explanation.title}</b>{" "}
            <span class="hint">{explanation.text}</span>
          </>
        )}
      </p>
      <div class={late ? "late" : ""}>
        <Table {...{ state, store, shown, steps, width, theme, pen }} />
        <Detail {...{ state, store, shown, steps, width, theme, pen }} />
        {(!narrow || step === 7) && <HeadOutputs state={state} shown={shown} steps={steps} active={step === 7} />}
      </div>
    </>
  );
}

/** In the explanation's place, so that nothing moves: whose steps these still are, and what comes next. */
function Awaited({ state, shown, silent }: { state: State; shown: Shown; silent: boolean }) {
  const { payload, outline, queries } = shown;
  const { heads, queries: pinned } = state.traits;
  const head = heads.value[0] ?? payload.head;
  const sameText = state.kernel.outline.value?.run === outline.run;
  const names = pinned.value.map((at) => queries.tokens[at] ?? "?");
  const wanted = sameText
    ? [
        headName(head) !== headName(payload.head) && headName(head),
        names.length > 0 && pinned.value.join() !== payload.queries.join() && names.join(", "),
      ].filter(Boolean)
    : ["the new text"];
  const failed = state.kernel.status.value?.state === "error";
  const doing = silent ? "needs a kernel:" : failed ? "not computed yet:" : "computing";
  return (
    <p class="awaited" aria-live="polite">
      <span>
        still showing <b>{headName(payload.head)}</b>, <bdi>{queryName(shown)}</bdi>
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
  const table = shown.table();
  return (
    <div class="no-steps">
      <p>
        <b>No steps for {headName(shown.payload.head)}:</b> {shown.missing}
      </p>
      {table && <NumberRows table={table} />}
      <p class="hint">The weights themselves are in the other views.</p>
    </div>
  );
}
