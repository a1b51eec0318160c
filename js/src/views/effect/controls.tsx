// What is asked of the model, and at which place.

import { useSignal } from "@preact/signals";
import { tokensOf } from "../../layout/units";
import type { Context } from "../../parts/context";
import type { Question } from "../../wire/schema";
import type { EffectStore } from "./store";

interface Props {
  context: Context;
  store: EffectStore;
}

type Choice = Question["kind"] | "span";

const ASKS: Record<Choice, string> = {
  logprob: "log-probability of",
  difference: "logit of",
  loss: "loss over the text",
  span: "loss of what is pinned",
  output: "change of the vector",
};

const question = (kind: Question["kind"], tokens: Question["tokens"] = [], at: Question["at"] = null): Question => ({
  ...{ kind, tokens, at },
});

export function Controls({ context, store }: Props) {
  const { state } = context;
  const outline = state.kernel.outline.value;
  const asked = store.effects.value?.asked ?? store.outcome.value?.asked;
  const { target, queries } = state.traits;
  if (!outline) return null;
  const given = target.value;
  const kind: Choice = given?.kind === "loss" && given.at ? "span" : (given?.kind ?? asked?.kind ?? "logprob");
  const canAsk = outline.page === null;
  const [first, other] = asked?.ids ?? [];
  const likely = store.outcome.value?.likely ?? [];
  const rival = other ?? likely.find(({ id }) => id !== first)?.id;
  const choose = (wanted: Choice) => {
    if (wanted === "logprob") store.ask(first === undefined ? null : question(wanted, [first]));
    else if (wanted === "span") store.ask(question("loss", [], queries.value));
    else if (wanted !== "difference") store.ask(question(wanted));
    else if (first !== undefined && rival !== undefined) store.ask(question(wanted, [first, rival]));
  };
  const lacks = (one: Choice) =>
    (!outline.predicts && one !== "output") ||
    (one === "span" && queries.value.length === 0) ||
    (one === "difference" && (first === undefined || rival === undefined) && kind !== one);
  const put = (nth: 0 | 1, token: string) => {
    const ids = nth === 0 ? [token, other ?? rival] : [first, token];
    if (kind === "difference") store.ask(question(kind, ids as Question["tokens"]));
    else store.ask(question("logprob", [token]));
  };
  return (
    <div class="asks">
      <label>
        <span class="asks-of">asked:</span>{" "}
        <select
          aria-label="What is asked"
          value={kind}
          disabled={!canAsk}
          onChange={(event) => choose(event.currentTarget.value as Choice)}
        >
          {(Object.keys(ASKS) as Choice[]).map((one) => (
            <option key={one} value={one} disabled={one !== kind && lacks(one)}>
              {ASKS[one]}
            </option>
          ))}
        </select>
      </label>
      {(kind === "logprob" || kind === "difference") && (
        <TokenText
          label="The token that is asked"
          text={asked?.tokens[0]}
          canAsk={canAsk}
          onChoose={(one) => put(0, one)}
        />
      )}
      {kind === "difference" && (
        <>
          <span>minus that of</span>
          <TokenText
            label="The token that it is compared with"
            text={asked?.tokens[1]}
            canAsk={canAsk}
            onChoose={(one) => put(1, one)}
          />
        </>
      )}
      <Place context={context} store={store} />
    </div>
  );
}

/** A token of the vocabulary, typed as a text has it. */
function TokenText(props: { label: string; text: string | undefined; canAsk: boolean; onChoose(text: string): void }) {
  const { label, text = "", canAsk, onChoose } = props;
  const typed = useSignal<string | null>(null);
  const take = () => {
    const wanted = typed.value;
    typed.value = null;
    if (wanted && wanted !== text) onChoose(wanted);
  };
  return (
    <input
      class="asks-token"
      aria-label={label}
      title="type another token, and Enter; or click one of the likeliest below"
      value={typed.value ?? text}
      disabled={!canAsk}
      spellcheck={false}
      autocomplete="off"
      onFocus={(event) => event.currentTarget.select()}
      onInput={(event) => {
        typed.value = event.currentTarget.value;
      }}
      onBlur={take}
      onKeyDown={(event) => {
        if (event.key === "Enter") take();
        if (event.key !== "Escape" || typed.value === null) return;
        event.stopPropagation();
        typed.value = null;
      }}
    />
  );
}

/** At which place of the text that is. */
function Place({ context: { state }, store }: Props) {
  const outline = state.kernel.outline.value;
  const asked = store.effects.value?.asked ?? store.outcome.value?.asked;
  if (!outline || !asked) return null;
  const own = outline.attention === "encoder" ? null : tokensOf(outline.queries).tokens;
  const [row] = asked.rows;
  const where = outline.predicts === "next" && asked.kind !== "output" ? "after" : "at";
  if (asked.kind === "loss") return <span class="hint">mean of {asked.count} tokens</span>;
  return (
    <span title="pin a query to ask at its place">
      {where}{" "}
      {own ? (
        <b>
          <bdi>{own[row ?? 0]}</bdi>
        </b>
      ) : (
        "position"
      )}{" "}
      <span class="hint">{row}</span>
    </span>
  );
}
