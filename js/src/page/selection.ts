// What follows from a choice; as `chosen` of session/selection.py. Pure.

import type { Head, Selection } from "../wire/schema";
import type { PageData } from "./data";

/** The selection with other values, and with what follows from them. */
export function chosen(before: Selection, values: Partial<Selection>, data: PageData): Selection {
  const there = data.attentions[values.attention ?? before.attention];
  if (!there) return before;
  // There is no model to ask, nor to run otherwise than it was.
  const { off, mask } = there.outline;
  const run = { off, mask: mask?.mask ?? null, mask_mode: mask?.mode ?? before.mask_mode, target: before.target };
  let after: Selection = { ...before, ...values, ...run };
  if (after.attention !== before.attention) {
    after = { ...after, queries: [], keys: [], what_if: {}, ...values }; // its own tokens: what was pinned is let go
    const carried = (head: Head) =>
      there.layers.some(({ number, heads }) => number === head[0] && heads.includes(head[1]));
    const [first] = there.layers;
    if (!after.heads.every(carried) && first) after = { ...after, heads: [[first.number, first.heads[0] as number]] };
    const lacks = there.outline.measures.find(({ name }) => name === after.measure)?.missing;
    if (lacks) after = { ...after, measure: "weights" };
  }
  const isOff = !after.heads.some(([layer]) => layer === after.layer);
  if (values.layer !== undefined && !values.heads && isOff)
    after = {
      ...after,
      heads: [...new Set(after.heads.map(([, head]) => head))].map((head): Head => [after.layer, head]),
    };
  const last = after.heads.at(-1);
  if (last && !after.heads.some(([layer]) => layer === after.layer)) after = { ...after, layer: last[0] };
  const place = ({ heads, queries }: Selection) => JSON.stringify([heads[0], queries]);
  if (place(after) !== place(before) && "scores" in after.what_if && !("what_if" in values)) {
    const { scores: _, ...rest } = after.what_if;
    after = { ...after, what_if: rest };
  }
  return after;
}
