// The widget's frame: text on top, heads on the left, the picture, categories on the right, one line below.

import { type ReadonlySignal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { createBreakdown } from "../breakdown";
import type { Theme } from "../host";
import { createLabels, numberOf } from "../labels";
import { membersOf } from "../layout/categories";
import { WHOLE } from "../layout/columns";
import { focusOf } from "../layout/focus";
import { createScene, wantedName } from "../scene";
import type { Source, Span } from "../source";
import type { Hover, Side, Sides, State } from "../state";
import type { Client } from "../wire/client";
import { Choices } from "./breakdown/choices";
import { BreakdownView } from "./breakdown/view";
import { Categories } from "./categories";
import { Chosen } from "./chosen";
import { Demo } from "./demo";
import { Footer } from "./footer";
import { Lines } from "./lines";
import { Options, type Part } from "./options";
import { gridOf, Picker } from "./picker";
import { Prompt } from "./prompt";
import { Strongest } from "./strongest";
import { Tabs } from "./tabs";
import { headName, say } from "./words";

interface Props {
  state: State;
  client: Client;
  source: Source;
  theme: ReadonlySignal<Theme>;
  abort: AbortSignal;
}

const CROWDED = 320; // px of small pictures that leave the picture little room

export function App({ state, client, source, theme, abort }: Props) {
  const rows = useSignal<Span>([0, WHOLE]);
  const problem = useSignal("");
  const dismissed = useSignal<unknown>(null);
  const hover = useSignal<Hover>(null);
  const hidden = useSignal(0);
  const drawn = useSignal("");
  const open = useSignal(false);
  const part = useSignal<Part>(null);
  const scene = useMemo(() => createScene(state, source, rows, problem, abort), [state, source, rows, problem, abort]);

  const labels = useMemo(() => createLabels(state), [state]);
  const breakdown = useMemo(() => createBreakdown(state), [state]);
  const drawnSteps = useSignal<unknown>(null);
  const inBreakdown = useComputed(() => state.traits.view.value === "breakdown");
  const only = useSignal(false);

  const within = useComputed(() => {
    const now = labels.now.value;
    const category = now && numberOf(now, state.traits.category.value);
    if (!only.value || !now?.fresh || category === null) return null;
    return new Set(membersOf(now.scores, now.thresholds, category).map(({ head }) => headName(head)));
  });
  const focus = useComputed(() => {
    const units = scene.value?.units;
    if (!units) return null;
    return focusOf(
      inRange(hover.value, units),
      units.query.of(state.traits.queries.value),
      units.key.of(state.traits.keys.value),
    );
  });
  const alert = useComputed(() => {
    const status = state.told._status.value;
    if (status?.state === "error" && dismissed.value !== status) return status.message;
    return problem.value;
  });
  const view = useComputed(() => {
    if (alert.value) return "error";
    const waiting = state.told._status.value?.state === "loading";
    if (client.silent.value) return "no-kernel";
    if (waiting) return "loading";
    if (inBreakdown.value) {
      const stands = breakdown.current.value && drawnSteps.value === state.told._breakdown.value;
      return stands ? "ready" : "loading";
    }
    return drawn.value === "" || drawn.value !== wantedName(state) ? "loading" : "ready";
  });

  const missing = useComputed(() => {
    if (inBreakdown.value) return breakdown.current.value ? "" : "It is needed to compute these steps.";
    const there = new Set(scene.value?.heads.map(headName));
    const waiting = state.traits.heads.value.map(headName).filter((name) => !there.has(name));
    return waiting.length > 0 ? `It is needed to show ${waiting.slice(0, 3).join(", ")}.` : "";
  });

  useSignalEffect(() => {
    // Another attention comes with a new outline: ask besides, so that a kernel that is gone is noticed.
    if (state.told._outline.value?.attention !== state.traits.attention.value) client.ask("hello").catch(() => {});
  });
  // So it does with the steps, which Python sends unasked. One question at a time is enough.
  const hello = useRef(false);
  useSignalEffect(() => {
    if (!inBreakdown.value || breakdown.current.value || hello.current) return;
    hello.current = true;
    client
      .ask("hello")
      .catch(() => {})
      .finally(() => {
        hello.current = false;
      });
  });
  useSignalEffect(() => {
    wantedName(state); // a new wish is a new chance
    problem.value = "";
  });
  // Ask for what else there is to see once the picture stands; and find out so whether a kernel answers.
  const asked = useRef(0);
  useEffect(() => {
    const stands = inBreakdown.value ? breakdown.shown.value : scene.value;
    const run = stands?.outline.run ?? 0;
    if ((inBreakdown.value ? drawnSteps.value : drawn.value) && run !== asked.current) {
      asked.current = run;
      const { _pictures, _categories } = state.told;
      const [drawnSmall, measured] = [_pictures.value?.run === run, _categories.value?.run === run];
      if (!drawnSmall) source.askPictures();
      if (!measured) source.askCategories();
      if (drawnSmall && measured) client.ask("hello").catch(() => {});
    }
  }, [drawn.value, drawnSteps.value]);

  const clear = () => {
    hover.value = null;
    dismissed.value = state.told._status.value;
    problem.value = "";
    const { queries, keys } = state.traits;
    // The breakdown's query is a choice, not a pin: without one it would go over to a query that nobody chose.
    if (inBreakdown.value) {
      if (keys.value.length > 0) state.set({ keys: [] });
    } else if (queries.value.length + keys.value.length > 0) {
      state.set({ queries: [], keys: [] });
    }
  };

  const status = state.told._status.value ?? { state: "loading", message: "" };
  const outline = state.told._outline.value;
  const shown = scene.value;
  // The breakdown needs no lines: the panels beside it go by the outline alone.
  const frame = inBreakdown.value
    ? outline && { outline, heads: state.traits.heads.value }
    : shown && { outline: shown.outline, heads: shown.heads };
  // The breakdown's folds stand above it, and in that order the keyboard reaches them.
  const categories = (
    <Categories key="categories" state={state} labels={labels} theme={theme} only={only} silent={client.silent} />
  );
  const pinned = state.traits.queries.value.length + state.traits.keys.value.length > 0;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape reaches the frame from every control inside
    <div
      class="widget"
      data-attnwidget
      data-view={inBreakdown.value ? "breakdown" : "lines"}
      data-state={view}
      data-theme={theme}
      onKeyDown={(event) => event.key === "Escape" && clear()}
    >
      <Prompt state={state} client={client} outline={outline} status={status} />
      {outline?.demo && <Demo demo={outline.demo} client={client} status={status} />}
      {outline && (
        <Tabs state={state} view={inBreakdown.value ? "breakdown" : "lines"}>
          {inBreakdown.value && <Choices state={state} outline={outline} store={breakdown} labels={labels.now} />}
        </Tabs>
      )}
      {outline && <Options state={state} outline={outline} part={inBreakdown.value ? null : part} />}
      {alert.value && (
        <div class="alert" role="alert">
          <span>{alert.value}</span>
          <button type="button" aria-label="dismiss" onClick={clear}>
            ×
          </button>
        </div>
      )}
      {frame ? (
        <div class={gridOf(frame.outline.heads).width > CROWDED ? "body crowded" : "body"} role="tabpanel">
          <aside
            class={open.value ? "heads open" : "heads"}
            style={{ "--grid": `${gridOf(frame.outline.heads).width}px` }}
          >
            <button
              type="button"
              class="fold"
              aria-expanded={open.value}
              onClick={() => {
                open.value = !open.value;
              }}
            >
              Heads · {frame.heads.slice(0, 3).map(headName).join(", ")}
              {frame.heads.length > 3 && ` + ${frame.heads.length - 3}`}
            </button>
            <div class="panel">
              <h2>Heads</h2>
              <Picker state={state} outline={frame.outline} labels={labels.now} within={within} theme={theme} />
              <Chosen heads={frame.heads} labels={labels.now.value} theme={theme} />
              {shown && !inBreakdown.value && (
                <Strongest state={state} scene={shown} labels={labels.now} theme={theme} />
              )}
            </div>
          </aside>
          {inBreakdown.value && categories}
          {inBreakdown.value ? (
            <BreakdownView
              state={state}
              store={breakdown}
              labels={labels.now}
              theme={theme}
              silent={client.silent}
              onDrawn={(told) => {
                drawnSteps.value = told;
              }}
            />
          ) : (
            shown && (
              <Lines
                state={state}
                scene={shown}
                focus={focus}
                hover={hover}
                rows={rows}
                labels={labels.now}
                theme={theme}
                hidden={hidden}
                part={part}
                onDrawn={(name) => {
                  drawn.value = name;
                }}
              />
            )
          )}
          {!inBreakdown.value && categories}
        </div>
      ) : (
        <Skeleton message={status.message} done={status.done} total={status.total} />
      )}
      {shown && !inBreakdown.value && (
        <Footer
          state={state}
          labels={labels.now}
          theme={theme}
          hidden={hidden.value}
          masked={shown.masked}
          saying={focus.value ? say(shown, focus.value, pinned && hover.value === null) : []}
        />
      )}
      {client.silent.value && (
        <p class="silent" role="alert">
          No answer from the kernel: it is busy or has stopped. {missing.value} What is on screen can still be explored;
          for more, wait or run the cell again.
        </p>
      )}
    </div>
  );
}

/** A hover that outlives a shorter text points nowhere. */
function inRange(hover: Hover, units: Sides): Hover {
  const has = (side: Side, unit: number) => unit < units[side].labels.length;
  if (!hover) return null;
  if (hover.side === "line") return has("query", hover.query) && has("key", hover.key) ? hover : null;
  return has(hover.side, hover.unit) ? hover : null;
}

interface Progress {
  message: string;
  done: number | undefined;
  total: number | null | undefined;
}

function Skeleton({ message, done = 0, total }: Progress) {
  return (
    <div class="skeleton">
      <p>{message || "waiting for the model"}</p>
      <progress value={total ? done : undefined} max={total ?? undefined} />
      {total ? (
        <p class="hint">
          {megabytes(done)} of {megabytes(total)}
        </p>
      ) : null}
    </div>
  );
}

const megabytes = (bytes: number): string => (bytes < 1e5 ? String(bytes) : `${(bytes / 1e6).toFixed(1)} MB`);
