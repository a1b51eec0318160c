// What a picture shows, of how many queries it is drawn, and what an order's numbers mean.

import { signsOf } from "../../draw/colours";
import { agreement } from "../../layout/alike";
import { headName } from "../../layout/heads";
import { isPlaced } from "../../layout/heads-order";
import { coloursInWords, hiddenIn, scaleNamed } from "../../layout/scale";
import { tokensOf } from "../../layout/units";
import { MeasureMeaning } from "../../panels/measure";
import type { Context } from "../../parts/context";
import { SignRamp } from "../../parts/sign-ramp";
import type { HeadsStore } from "./store";

const SAME = "the same in all heads of a layer: it is a number of the layer";

export function Legend({ context, store }: { context: Context; store: HeadsStore }) {
  const { state, client, theme } = context;
  const outline = state.kernel.outline.value;
  if (!outline) return null;
  const measure = scaleNamed(outline, state.traits.measure.value);
  const of = tokensOf(outline.queries).tokens.length;
  const sampled = store.sampled.value;
  const pictured = store.pictured.value;
  const distances = store.distances.value;
  const [from, order] = [store.reference.value, store.order.value];
  const signs = signsOf(measure, theme.value);
  const limit = pictured?.problem === "" ? state.kernel.pictures.value?.limit : undefined;
  const is = signs ? `stronger = farther from 0${coloursInWords(measure)}` : `stronger = larger ${measure.label}`;
  return (
    <div class="heads-legend">
      {pictured && <MeasureMeaning context={context} name={measure.name} />}
      {pictured && measure.of !== "head" && <span>{SAME}</span>}
      <LeftOut category={state.traits.category.value} store={store} />
      {pictured?.problem ? (
        <span>{pictured.problem}</span>
      ) : (
        <span>
          {pictured ? "" : client.silent.value ? "no pictures: the kernel has not drawn them · " : "drawing … · "}
          queries down, keys across · {is} · hatched: {hiddenIn(measure)}
        </span>
      )}
      {signs && limit !== undefined && <SignRamp scale={measure} limit={limit} signs={signs} />}
      {sampled !== null && (
        <span data-sampled={sampled}>
          sampled: {sampled.toLocaleString("en")} of {of.toLocaleString("en")} queries
        </span>
      )}
      {order === "similarity" && from && (
        <span>
          {distances?.problem ||
            (distances
              ? `below: Jensen–Shannon divergence from ${headName(from)} in bits, mean over ${distances.sampled === null ? "the" : `${distances.sampled} of ${of.toLocaleString("en")}`} queries: 0 for the same rows, 1 for no key in common`
              : `comparing all heads with ${headName(from)} …`)}
        </span>
      )}
      {order === "map" && <OfMap context={context} store={store} />}
      {order === "category" && <span>below: the score of the head’s category</span>}
      {order === "pinned pair" && <span>below: the pinned pair’s {measure.label}</span>}
    </div>
  );
}

/** What near means, and whether it agrees with the colours. */
function OfMap({ context: { categories }, store }: { context: Context; store: HeadsStore }) {
  const { values, all, problem, sampled } = store.distances.value ?? {};
  const now = categories.now.value;
  if (!values || !all) return <span>{problem || "comparing all heads with each other …"}</span>;
  const { same, of, chance } = now?.fresh ? agreement(values, store.every.value, now) : { same: 0, of: 0, chance: 0 };
  return (
    <>
      <span data-stress={all.stress ?? ""}>
        {all.noMap
          ? `${all.noMap}; until then alike heads stand one after the other`
          : `near = alike; the axes mean nothing, and a plane cannot keep all distances (stress ${all.stress?.toFixed(2)})`}
        {" · "}grid: each two heads, stronger = more alike · distances: Jensen–Shannon divergence in bits, mean over
        {sampled ? ` ${sampled}` : " the"} queries
      </span>
      {of > 1 && (
        <b class="left-out" data-same={same}>
          the nearest head is of the same category for {same} of {of} heads (by chance {chance.toFixed(1)})
        </b>
      )}
    </>
  );
}

/** "12 of 144 heads: only Induction, from 0.1; the others are faint". */
function LeftOut({ category, store }: { category: string | null; store: HeadsStore }) {
  const { all, shown } = store.counts.value;
  if (shown === all) return null;
  const { bound, category: only } = store.filter.value;
  const order = store.order.value;
  const why = [only !== null && category, bound !== null && `${order === "similarity" ? "up to" : "from"} ${bound}`];
  return (
    <b class="left-out">
      {shown} of {all} heads: only {why.filter(Boolean).join(", ")}
      {isPlaced(order) ? "; the others are faint" : "; the others are left out"}
    </b>
  );
}
