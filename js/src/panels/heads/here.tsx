// What the chosen head does mostly, and what it does from the query that is pinned.

import { compared, habitOf, hereInWords, largestOf, rowOf } from "../../layout/row";
import { WEIGHTS } from "../../layout/scale";
import type { Context } from "../../parts/context";
import type { Head } from "../../wire/schema";

const MEANING =
  "from the pinned query; usual: the largest weight that a row of so many keys has in this head, on average in this text";

export function Here({ context, head }: { context: Context; head: Head }) {
  const categories = context.categories.now.value;
  const habit = categories ? habitOf(categories, head) : "";
  const here = sentenceOf(context, head);
  return (
    <p class="fine measured here">
      {habit} {here && <span title={MEANING}>{here}</span>}
    </p>
  );
}

/** Of the row that is pinned, if it is one alone and its weights are on screen. */
function sentenceOf({ state, scene, drawsTiles, categories, inSight }: Context, [layer, head]: Head): string {
  const now = scene.value;
  if (!now || !drawsTiles.value || now.scale.name !== WEIGHTS.name) return "";
  const pinned = now.units.query.of(state.traits.queries.value);
  const at = now.heads.findIndex((one) => one[0] === layer && one[1] === head);
  const [query] = pinned;
  if (pinned.length !== 1 || query === undefined || at < 0) return "";
  const keys = now.units.key;
  const row = now.isWhole
    ? rowOf(now.tiles[at] ?? [], query, keys.labels.length)
    : largestOf(inSight.value?.rows.get(query), at);
  if (!row) return "";
  const known = categories.now.value;
  // Rows of whole words are other rows than those that the head's sharpness was measured on.
  const peak = known?.fresh && !state.traits.words.value ? known.peak[layer]?.[head] : null;
  return hereInWords(row, keys.labels[row.key] ?? "", compared(row, peak));
}
