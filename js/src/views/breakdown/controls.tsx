// Beside the tabs: whose computation is shown, and for which token.

import { useSignal } from "@preact/signals";
import { type HeadCategories, nameOf, OTHER } from "../../layout/categories";
import { headName, headNamed } from "../../layout/heads";
import { isChanged } from "../../layout/steps";
import { tokensOf } from "../../layout/units";
import type { Context } from "../../parts/context";
import { TokenField } from "../../parts/token-field";
import { chooseHead } from "../../state/choose-head";
import type { Head, Outline } from "../../wire/schema";
import { ChangedBadge } from "./changed-badge";
import type { BreakdownStore } from "./store";

interface Props {
  context: Context;
  store: BreakdownStore;
  outline: Outline;
}

const COMBINE = ["mean", "sum"] as const;
const NAMED = 24; // queries that can be taken out one by one: Python may pin a whole book

export function Controls({ context, store, outline }: Props) {
  const { state, categories } = context;
  const { heads, queries, combine, what_if } = state.traits;
  const head = heads.value[0] ?? [0, 0];
  const pinned = queries.value;
  const payload = store.shown.value?.payload;
  const chosen = payload && payload.run === outline.run && payload.pinned.length === 0 ? payload.queries : [];
  const several = pinned.length > 1;
  const adding = useSignal(false);
  const taken = pinned.length > 0 ? pinned : chosen;
  const empty = (store.shown.value?.missing ?? "") !== ""; // no steps: nothing to ask about
  const { tokens } = tokensOf(outline.queries);
  const range = (count: number) => Array.from({ length: count }, (_, at) => at);
  return (
    <div class="choices">
      <label>
        head
        <select
          aria-label="Head"
          value={headName(head)}
          onChange={(event) => chooseHead(state, headNamed(event.currentTarget.value), false)}
        >
          {range(outline.layers).map((layer) => (
            <optgroup
              key={layer}
              disabled={!outline.kept.includes(layer)}
              label={outline.kept.includes(layer) ? `layer ${layer}` : `layer ${layer}: left out of this trace`}
            >
              {range(outline.kept.includes(layer) ? outline.heads : 0).map((one) => (
                <option key={one} value={headName([layer, one])}>
                  {headName([layer, one])}
                  {categoryOf(categories.now.value, [layer, one])}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
      </label>
      {!empty && (
        <>
          {" "}
          {several ? (
            <fieldset class="pins">
              <legend>queries</legend>
              {pinned.slice(0, NAMED).map((at) => (
                <span key={at} class="pin">
                  <bdi>{tokens[at]}</bdi> <span class="position">{at}</span>
                  <button
                    type="button"
                    aria-label={`take out ${tokens[at]}, position ${at}`}
                    onClick={() => state.set({ queries: pinned.filter((one) => one !== at) })}
                  >
                    ×
                  </button>
                </span>
              ))}
              {pinned.length > NAMED && <span class="hint">and {pinned.length - NAMED} more</span>}
            </fieldset>
          ) : (
            <span class="labelled">
              query
              <TokenField
                label="Query"
                tokens={tokens}
                chosen={taken[0] ?? 0}
                onChoose={(at) => state.set({ queries: [at] })}
              />
            </span>
          )}
          {adding.value ? (
            <TokenField
              label="Another query"
              tokens={tokens}
              chosen={undefined}
              without={taken}
              onChoose={(at) => {
                adding.value = false;
                state.set({ queries: [...taken, at] });
              }}
              onLeave={() => {
                adding.value = false;
              }}
            />
          ) : (
            taken.length < tokens.length && (
              <button
                type="button"
                class="small-button"
                aria-label="add a query"
                title="take another query together with this"
                onClick={() => {
                  adding.value = true;
                }}
              >
                +
              </button>
            )
          )}
          {several && (
            <fieldset class="choice combine">
              <legend>take their</legend>
              {COMBINE.map((one) => (
                <button
                  key={one}
                  type="button"
                  aria-pressed={combine.value === one}
                  onClick={() => state.set({ combine: one })}
                >
                  {one}
                </button>
              ))}
            </fieldset>
          )}
          <button
            type="button"
            class="whatif-open"
            aria-expanded={store.editing.value}
            onClick={() => {
              store.editing.value = !store.editing.value;
            }}
          >
            What if… {isChanged(what_if.value ?? {}) && <ChangedBadge />}
          </button>
        </>
      )}
    </div>
  );
}

/** The head's category, where it has one of its own. */
function categoryOf(categories: HeadCategories | null, head: Head): string {
  if (!categories?.fresh) return "";
  const main = categories.main(head);
  return main > OTHER ? ` · ${nameOf(categories, main)}` : "";
}
