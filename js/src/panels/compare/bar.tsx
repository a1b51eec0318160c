// What is compared: A, B or A − B is drawn, by the reader's choice; and which tokens have no partner.

import { aloneIn, listed } from "../../layout/comparison";
import { DIFFERENCE } from "../../layout/scale";
import type { Context } from "../../parts/context";
import { handOver } from "../../parts/keep-focus";
import type { Panel, PanelProps } from "../../parts/panel";
import type { Comparison, Outline, Selection } from "../../wire/schema";
import { PairOfBoth } from "./pair";

type Compared = Selection["side"];

const SIDES: Compared[] = ["a", "b", DIFFERENCE];

function CompareBar({ context }: PanelProps) {
  const outline = context.state.kernel.outline.value;
  return outline?.comparison ? <Bar context={context} outline={outline} comparison={outline.comparison} /> : null;
}

interface Props {
  context: Context;
  outline: Outline;
  comparison: Comparison;
}

function Bar({ context, outline, comparison }: Props) {
  const { state, client } = context;
  const { measure, side } = state.traits;
  const chosen: Compared = measure.value === DIFFERENCE ? DIFFERENCE : side.value === "b" ? "b" : "a";
  const { missing } = comparison;
  const [nameA = "A", nameB = "B"] = comparison.names;
  const choose = (one: Compared) => {
    if (one === DIFFERENCE && missing) return;
    const drawn = measure.value === DIFFERENCE ? "weights" : measure.value;
    state.set({ side: one, measure: one === DIFFERENCE ? DIFFERENCE : drawn });
  };
  const stop = (from: Element) => {
    handOver(from);
    client.ask("compare").catch(() => {});
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") {
      event.stopPropagation();
      stop(event.currentTarget as Element);
    }
    const open = SIDES.filter((one) => one !== DIFFERENCE || !missing);
    const next = step && open.at((open.indexOf(chosen) + step) % open.length);
    if (!next) return;
    event.preventDefault();
    choose(next);
    (event.currentTarget as Element).querySelector<HTMLElement>(`[data-compared="${next}"]`)?.focus();
  };
  const says = {
    a: ["A", nameA, `A: ${nameA}`],
    b: ["B", nameB, `B: ${nameB}`],
    difference: ["A − B", "", missing || "the weight in A minus the weight of the same pair in B, on A’s tokens"],
  } as const;
  return (
    <section class="comparison reading-line" aria-label="comparison">
      <div class="sides" role="radiogroup" aria-label="which side is drawn" onKeyDown={onKeyDown}>
        {SIDES.map((one) => (
          // biome-ignore lint/a11y/useSemanticElements: a button is heard by name, and styled as the others are
          <button
            key={one}
            type="button"
            role="radio"
            data-compared={one}
            aria-checked={one === chosen}
            aria-disabled={one === DIFFERENCE && missing !== ""}
            tabIndex={one === chosen ? 0 : -1}
            title={says[one][2]}
            onClick={() => choose(one)}
          >
            <b>{says[one][0]}</b> {says[one][1] && <bdi>{says[one][1]}</bdi>}
          </button>
        ))}
      </div>
      <button
        type="button"
        class="small-button"
        title="show A alone (Escape)"
        onClick={(event) => stop(event.currentTarget)}
      >
        Stop comparing
      </button>
      <p class="fine">
        {!context.noDifference.value && <PairOfBoth context={context} />}
        <Said context={context} outline={outline} comparison={comparison} chosen={chosen} />
      </p>
    </section>
  );
}

/** What is to be known of what is drawn. */
function Said({ context, outline, comparison, chosen }: Props & { chosen: Compared }) {
  const { why, missing } = comparison;
  const noDifference = context.noDifference.value;
  const [a, b] = aloneIn(outline, comparison);
  const side = comparison.shown === "b" ? "B" : "A";
  const parts = [
    why,
    missing && `No difference: ${missing}.`,
    chosen === DIFFERENCE && (noDifference || "Weight in A − weight of the same pair in B; blank is 0."),
    chosen !== DIFFERENCE &&
      (chosen.toUpperCase() === side
        ? `Everything below is ${side}’s own.`
        : `Everything below is still ${side}’s own: the kernel has ${chosen.toUpperCase()}.`),
    a.length + b.length > 0 &&
      `No partner: ${[a.length > 0 && `${listed(a)} in A`, b.length > 0 && `${listed(b)} in B`].filter(Boolean).join("; ")}.`,
  ];
  return <>{parts.filter(Boolean).join(" ")}</>;
}

export const compareBar: Panel = { place: "reading", Component: CompareBar };
