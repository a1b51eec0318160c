// On request: the tokens that the model expects, by the row in sight, and how likely it takes each to be.

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { partnersIn } from "../../layout/comparison";
import { tokensOf } from "../../layout/units";
import type { Context } from "../../parts/context";
import type { Panel, PanelProps } from "../../parts/panel";
import { UNWANTED } from "../../wire/client";
import type { NextReply, Outline, TokenList } from "../../wire/schema";
import css from "./next.css";

const LEAST = 0.001; // what is less likely is not told apart

/** What the kernel said of a row: tokens, or why there are none. */
type Known = Pick<NextReply, "query" | "tokens"> & { run: number; trace: string; problem: string };

function NextTokens({ context }: PanelProps) {
  const { state, tellsNext } = context;
  const outline = state.kernel.outline.value;
  const row = useComputed(() => rowInSight(context));
  if (!tellsNext.value || !outline) return null;
  const own: Voice = { ...outline, list: outline.queries, row: row.value };
  const { comparison } = outline;
  if (!comparison) return <Expected context={context} {...own} />;
  const partner = row.value === null ? undefined : partnersIn(comparison.queries).get(row.value);
  const other: Voice = {
    ...{ run: outline.run, trace: comparison.trace, predicts: comparison.predicts, list: comparison.otherQueries },
    ...{ predictsNothing: "the model tells of no token what comes next", row: partner ?? null },
  };
  const isSecond = comparison.shown === "b";
  const [a, b] = isSecond ? [other, own] : [own, other];
  return (
    <>
      <Expected key="a" context={context} side="A" {...a} />
      <Expected key="b" context={context} side="B" {...b} />
    </>
  );
}

/** Whose expectations these are: of a trace, by a row of it. */
interface Voice extends Pick<Outline, "run" | "trace" | "predicts" | "predictsNothing"> {
  list: TokenList;
  /** Null where it has no such row. */
  row: number | null;
}

function Expected({ context, side, ...voice }: { context: Context; side?: string } & Voice) {
  const { client } = context;
  const now = useSignal(voice);
  const before = now.peek();
  if (voice.run !== before.run || voice.trace !== before.trace || voice.row !== before.row) now.value = voice;
  const known = useSignal(new Map<string, Known>()); // of one run
  const last = useSignal<Known | null>(null);

  useSignalEffect(() => {
    const { run, predicts, trace, row: query } = now.value;
    if (!predicts || query === null) return;
    const name = `${trace} ${query}`;
    const here = known.peek().get(name);
    if (here?.run === run) {
      last.value = here;
      return;
    }
    const passed = new AbortController();
    const show = (tokens: NextReply["tokens"], problem: string) => {
      const one = { run, query, trace, tokens, problem };
      known.value = new Map([...known.peek()].filter(([, other]) => other.run === run)).set(name, one);
      last.value = one;
    };
    client.ask("next", { query, run, trace }, { abort: passed.signal }).then(
      ({ ok }) => show(ok.tokens as NextReply["tokens"], ""),
      (error: Error) => show([], error.message),
    );
    return () => passed.abort(UNWANTED);
  });

  const { run, trace, predicts, predictsNothing, row } = voice;
  const say = (children: ComponentChildren) => <Line side={side}>{children}</Line>;
  if (!predicts) return say(sentence(predictsNothing));
  if (row === null && side) return say(<span class="hint">this token has no partner here</span>);
  const queries = tokensOf(voice.list);
  // What was told last stays until the next is here, with its own token's name.
  const mine = last.value?.query === row || !client.silent.value;
  const told = last.value?.run === run && last.value.trace === trace && mine ? last.value : null;
  const query = told?.query ?? row ?? 0;
  const name = (
    <b>
      <bdi>{queries.tokens[query]}</bdi>
    </b>
  );
  const sees = predicts === "place" && !queries.special[query];
  if (told?.problem) return say(sentence(told.problem));
  if (!told && client.silent.value) return say(<>Only the kernel can tell this of {name}, and it does not answer.</>);
  return say(
    <>
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
    </>,
  );
}

function Line({ side, children }: { side: string | undefined; children: ComponentChildren }) {
  const whose = side ? `${side}’s model` : "the model";
  return (
    <section class="next reading-line" aria-label={`what ${whose} expects`} aria-live="polite" data-side-of={side}>
      {side && <b class="side-name">{side}</b>}
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
