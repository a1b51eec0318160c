// The likeliest tokens at the place that is asked about, as the model is and without the heads that are off.

import { figure, percent } from "../../layout/numbers";
import { tokensOf } from "../../layout/units";
import type { Context } from "../../parts/context";
import type { Change, Likely } from "../../wire/schema";
import type { EffectStore } from "./store";

export function LikelyTokens({ context: { state }, store }: { context: Context; store: EffectStore }) {
  const outcome = store.outcome.value;
  const outline = state.kernel.outline.value;
  if (!outcome || !outline || outcome.likely.length === 0) return null;
  const { likely, off, row, asked } = outcome;
  const place = row === null ? "" : tokensOf(outline.queries).tokens[row];
  const isPlace = outline.predicts === "place";
  const mask = outline.mask?.mode === "model";
  const both = likely.some(({ after }) => after !== null);
  const ask = ({ id }: Likely) => store.ask({ kind: "logprob", tokens: [id], at: null });
  return (
    <section class="likely" aria-label="the likeliest tokens">
      <table>
        <caption>
          {isPlace ? "likeliest at " : "likeliest after "}
          <b>
            <bdi>{place}</bdi>
          </b>
        </caption>
        <thead>
          <tr>
            <th scope="col">token</th>
            <th scope="col">{!both ? "probability" : mask ? "the model as it is" : "all heads on"}</th>
            {both && (
              <th scope="col">
                {mask ? `${off.length > 0 ? `${off.length} off, ` : ""}other mask` : `${off.length} off`}
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {likely.map((one) => (
            <tr key={one.id}>
              <th scope="row">
                <button
                  type="button"
                  class="small-button likely-token"
                  aria-pressed={asked?.kind === "logprob" && asked.ids[0] === one.id}
                  title="ask for this token"
                  disabled={outline.page !== null}
                  onClick={() => ask(one)}
                >
                  <bdi>{one.token}</bdi>
                </button>
              </th>
              <Chance value={one.before} />
              {both && <Chance value={one.after ?? 0} isAfter={true} />}
            </tr>
          ))}
        </tbody>
      </table>
      <Changes {...{ both, outcome }} />
    </section>
  );
}

function Changes({
  both,
  outcome: { target, loss, unit, asked },
}: {
  both: boolean;
  outcome: NonNullable<EffectStore["outcome"]["value"]>;
}) {
  const said = (change: Change, name: string) => (
    <p class="likely-change">
      {name} <b>{figure(change.before)}</b>
      {both && (
        <>
          {" → "}
          <b>{figure(change.after)}</b>
        </>
      )}{" "}
      <span class="hint">{unit}</span>
    </p>
  );
  const name = asked?.kind === "logprob" ? "log p" : asked?.kind === "difference" ? "difference" : "";
  return (
    <>
      {name && said(target, name)}
      {loss.before !== null && said(loss, "loss over the text")}
    </>
  );
}

function Chance({ value, isAfter = false }: { value: number; isAfter?: boolean }) {
  return (
    <td class={isAfter ? "chance after" : "chance"} style={{ "--share": value }}>
      {percent(value, 1)}
    </td>
  );
}
