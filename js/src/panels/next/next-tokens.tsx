// On request: the tokens that the model expects, by the row in sight, and how likely it takes each to be.

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { tokensOf } from "../../layout/units";
import type { Context } from "../../parts/context";
import type { Panel, PanelProps } from "../../parts/panel";
import type { NextReply, Outline } from "../../wire/schema";
import css from "./next.css";

const LEAST = 0.001; // what is less likely is not told apart

/** What the kernel said of a row: tokens, or why there are none. */
type Known = Pick<NextReply, "query" | "tokens"> & { run: number; problem: string };

function NextTokens({ context }: PanelProps) {
  const { state, client, tellsNext } = context;
  const outline = state.kernel.outline.value;
  const row = useComputed(() => rowInSight(context));
  const known = useSignal(new Map<number, Known>()); // of one run
  const last = useSignal<Known | null>(null);

  useSignalEffect(() => {
    const { run, predicts, trace } = state.kernel.outline.value ?? {};
    const query = row.value;
    if (!tellsNext.value || run === undefined || !predicts || query === null) return;
    const here = known.peek().get(query);
    if (here?.run === run) {
      last.value = here;
      return;
    }
    const passed = new AbortController();
    const show = (tokens: NextReply["tokens"], problem: string) => {
      const one = { run, query, tokens, problem };
      known.value = new Map([...known.peek()].filter(([, other]) => other.run === run)).set(query, one);
      last.value = one;
    };
    client.ask("next", { query, run, trace }, { abort: passed.signal }).then(
      ({ ok }) => show(ok.tokens as NextReply["tokens"], ""),
      (error: Error) => show([], error.message),
    );
    return () => passed.abort();
  });

  if (!tellsNext.value || !outline) return null;
  const { predicts, predictsNothing } = outline;
  const queries = tokensOf(outline.queries);
  if (!predicts) return <Line>{sentence(predictsNothing)}</Line>;
  // What was told last stays until the next is here, with its own token's name.
  const mine = last.value?.query === row.value || !client.silent.value;
  const told = last.value?.run === outline.run && mine ? last.value : null;
  const query = told?.query ?? row.value ?? 0;
  const name = (
    <b>
      <bdi>{queries.tokens[query]}</bdi>
    </b>
  );
  const sees = predicts === "place" && !queries.special[query];
  if (told?.problem) return <Line>{sentence(told.problem)}</Line>;
  if (!told && client.silent.value)
    return <Line>Only the kernel can tell this of {name}, and it does not answer.</Line>;
  return (
    <Line>
      <span class="next-of">
        {predicts === "next" ? <>after {name} the model expects</> : <>at {name} the model would put</>}
        {sees && <span title="write the model's mask token there to let it guess"> (it sees the word)</span>}
      </span>
      <ol>
        {told?.tokens.map(({ token, probability }, rank) => (
          <li key={rank} style={{ "--share": probability }}>
            <bdi>{token}</bdi>
            <span class="value">{probability < LEAST ? `< ${LEAST}` : probability.toFixed(3)}</span>
          </li>
        ))}
      </ol>
    </Line>
  );
}

function Line({ children }: { children: preact.ComponentChildren }) {
  return (
    <section class="next reading-line" aria-label="what the model expects" aria-live="polite">
      {children}
    </section>
  );
}

const sentence = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;

/** The token whose row is looked at: hovered, else pinned last, else what the breakdown is of, else the open place. */
function rowInSight({ state, hover, drawsTiles }: Context): number | null {
  const units = state.units.value?.query;
  const at = hover.value;
  const unit = at?.side === "query" ? at.unit : at?.side === "line" ? at.query : null;
  const hovered = unit === null ? undefined : units?.tokens(unit).at(-1);
  const chosen = drawsTiles.value ? undefined : state.kernel.breakdown.value?.queries.at(-1);
  return hovered ?? state.traits.queries.value.at(-1) ?? chosen ?? openPlace(state.kernel.outline.value);
}

/** The end of the text; of a masked language model the mask within it, if there is one, else the first word. */
function openPlace(outline: Outline | null): number | null {
  if (!outline) return null;
  const { tokens, special } = tokensOf(outline.queries);
  if (outline.predicts !== "place") return tokens.length - 1;
  const mask = special.findIndex((is, at) => is && at > 0 && at < tokens.length - 1);
  return mask > 0 ? mask : Math.max(0, special.indexOf(false));
}

export const nextTokens: Panel = { place: "reading", css, Component: NextTokens };
