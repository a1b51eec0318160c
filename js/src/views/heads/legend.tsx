// What a picture shows, of how many queries it is drawn, and what an order's numbers mean.

import { signsOf } from "../../draw/colours";
import { headName } from "../../layout/heads";
import { coloursInWords, scaleNamed } from "../../layout/scale";
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
          queries down, keys across · {is} · hatched: hidden by the mask
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
      {order === "category" && <span>below: the score of the head’s category</span>}
      {order === "pinned pair" && <span>below: the pinned pair’s {measure.label}</span>}
    </div>
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
      {order === "layer" ? "; the others are faint" : "; the others are left out"}
    </b>
  );
}
