// What each head of the layer writes for this query, and how near their sum comes to the model's own output.

import { headName } from "../../layout/heads";
import { figure, raw, short } from "../../layout/numbers";
import type { Steps } from "../../layout/steps";
import { chooseHead } from "../../state/choose-head";
import type { State } from "../../state/state";
import { rove } from "./context";
import { Path, Query } from "./explain";
import type { Shown } from "./store";

interface Props {
  state: State;
  shown: Shown;
  steps: Steps;
  /** Whether its step is in view. */
  active: boolean;
}

const NUMBERED = 16; // heads under whose bars numbers have room

export function HeadOutputs({ state, shown, steps, active }: Props) {
  const { payload, numbers } = steps;
  const { projected, changed } = payload;
  const [layer, head] = payload.head;
  const norms = numbers.headNorms;
  const most = Math.max(...(norms ?? []), changed?.headNorm ?? 0, 1e-9);
  const numbered = (norms?.length ?? 0) <= NUMBERED;
  const every = numbered ? 1 : 4;
  return (
    <section
      class={active ? "writes active" : "writes"}
      aria-label="what each head writes"
      data-projected={projected.state}
    >
      <p class="about">
        <b>Concatenate and project.</b>{" "}
        <span class="hint">
          {!active && (
            <>
              The {shown.outline.heads} heads' outputs are put side by side and multiplied with W<sub>O</sub>
              {projected.name && (
                <>
                  {" "}
                  (<Path of={projected.name} />)
                </>
              )}
              .{" "}
            </>
          )}
          How much each head writes for <Query shown={shown} /> (norm).
        </span>
      </p>
      {norms ? (
        // biome-ignore lint/a11y/noStaticElementInteractions: the arrow keys of the buttons inside
        <div class="head-bars" onKeyDown={rove}>
          {Array.from(norms, (size, at) => {
            const here = at === head;
            const now = here && changed ? changed.headNorm : null;
            const name = headName([layer, at]);
            const writes = `${name} writes ${figure(size)}${now === null ? "" : ` → ${figure(now)}`}`;
            return (
              <button
                key={at}
                type="button"
                class={here ? "here" : ""}
                data-writes={name}
                tabIndex={here ? 0 : -1}
                data-exact={raw(size)}
                aria-current={here ? "true" : undefined}
                title={writes}
                onClick={() => chooseHead(state, [layer, at], false)}
              >
                <span class="unseen">{writes}</span>
                <span class="pillar">
                  <i
                    class={now === null ? "" : "before"}
                    style={{ "--tall": Number.isFinite(size) ? size / most : 0 }}
                  />
                  {now !== null && <i style={{ "--tall": now / most }} />}
                </span>
                <span class="head-number" aria-hidden="true">
                  {at % every === 0 ? `H${at}` : "\u00a0"}
                </span>
                {numbered && (
                  <span class={now === null ? "head-size" : "head-size is-changed"} aria-hidden="true">
                    {short(now ?? size)}
                  </span>
                )}
              </button>
            );
          })}
        </div>
      ) : (
        <p class="head-bars hint waiting-output">
          {projected.state === "running"
            ? `asking the model for its own output${projected.total > 0 ? ` · ${projected.done} of ${projected.total}` : ""}`
            : projected.message || "W_O is not known"}
        </p>
      )}
      <p class="against">
        {changed?.distance != null && (
          <span data-value="distance" data-exact={raw(changed.distance)}>
            <span class="badge">changed</span> the layer's output moves by <b>{figure(changed.distance)}</b> (norm)
          </span>
        )}
        {projected.state === "ready" && !numbers.attentionOutput && (
          <span class="hint">the model's own output is not known here</span>
        )}
        {numbers.attentionOutput && (
          <span data-value="difference" data-exact={raw(projected.maxDifference ?? Number.NaN)}>
            <span class="hint">difference from the model's own output</span>{" "}
            <b>{projected.maxDifference === null ? "–" : tiny(projected.maxDifference)}</b>
          </span>
        )}
      </p>
    </section>
  );
}

const tiny = (value: number): string =>
  value !== 0 && value < 0.001 ? value.toExponential(1).replace("-", "−") : figure(value, 2);
