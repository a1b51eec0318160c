// In which order heads are shown, and which of them.

import { countsOf, nameOf, numberOf, OTHER } from "../../layout/categories";
import { headName } from "../../layout/heads";
import { numberFor, ORDERS, type Order } from "../../layout/heads-order";
import { addsUp, scaleNamed } from "../../layout/scale";
import { MeasureMenu } from "../../panels/measure";
import type { Context } from "../../parts/context";
import { NumberField } from "../../parts/number-field";
import type { Head } from "../../wire/schema";
import type { HeadsStore } from "./store";

const ABOUT: Record<Order, string> = {
  layer: "layers down, heads across",
  category: "heads of a kind together, best first",
  "pinned pair": "by the number that each head has of what is pinned",
  similarity: "by how alike their weights are to those of one head",
  map: "near each other where their weights are alike",
};

export function Controls({ context, store }: { context: Context; store: HeadsStore }) {
  const { state, ranking, categories } = context;
  const last = state.traits.heads.value.at(-1) as Head;
  const from = store.reference.value;
  const choose = (order: Order) => {
    if (order === "similarity" && !from) store.reference.value = last;
    store.chosen.value = order;
  };
  const lacks = (order: Order) =>
    (order === "pinned pair" && !ranking.value && "pin a query or a key first, in another view") ||
    (order === "category" && !categories.now.value?.fresh && "the heads are not scored yet");
  const order = store.order.value;
  return (
    <>
      <fieldset class="choice">
        <legend>order</legend>
        {ORDERS.map((one) => (
          <button
            key={one}
            type="button"
            aria-pressed={one === order}
            disabled={one !== order && Boolean(lacks(one))}
            title={lacks(one) || ABOUT[one]}
            onClick={() => choose(one)}
          >
            {one === "similarity" && from && one === order ? `like ${headName(from)}` : one}
          </button>
        ))}
      </fieldset>
      {order === "similarity" && from && last && headName(last) !== headName(from) && (
        <button
          type="button"
          class="small-button"
          onClick={() => {
            store.reference.value = last;
          }}
        >
          like {headName(last)} instead
        </button>
      )}
      <Only context={context} store={store} />
      <Bound context={context} store={store} />
      <MeasureMenu context={context} />
      <Said store={store} />
    </>
  );
}

function Only({ context: { state, categories }, store }: { context: Context; store: HeadsStore }) {
  const now = categories.now.value;
  const counts = now ? countsOf(now.scores, now.thresholds) : [];
  const numbers = now ? [...now.list.keys(), OTHER] : [];
  const open = store.only.value ? (state.traits.category.value ?? "") : "";
  return (
    <select
      class="heads-only"
      aria-label="Only heads of"
      value={open}
      disabled={!now?.fresh}
      onChange={(event) => {
        const name = event.currentTarget.value;
        state.set({ category: name || null });
        store.only.value = name !== "";
      }}
    >
      <option value="">all categories</option>
      {now &&
        numbers.map((category) => {
          const name = nameOf(now, category);
          const count = category === OTHER ? counts.at(-1) : counts[category];
          return (
            <option key={name} value={name}>
              {name} {count ?? 0}
            </option>
          );
        })}
      {open && now && numberOf(now, open) === null && <option value={open}>{open}</option>}
    </select>
  );
}

function Bound({ context: { state }, store }: { context: Context; store: HeadsStore }) {
  const order = store.order.value;
  const outline = state.kernel.outline.value;
  if (!outline || !numberFor(order, store.known.value)) return null;
  const isOfPair = order === "pinned pair" || order === "layer";
  const isReal = isOfPair && !addsUp(scaleNamed(outline, state.traits.measure.value));
  const [least, most] = isReal ? [-1000, 1000] : order === "similarity" ? [0, 1] : [0, 1000];
  const usual = order === "similarity" ? 1 : isReal ? least : 0;
  const words = order === "similarity" ? "up to" : "from";
  return (
    <span class="heads-bound">
      {words}
      <NumberField
        label={`only ${words} this number`}
        value={store.bound.value ?? usual}
        min={least}
        max={most}
        step={isReal ? 1 : 0.01}
        onChange={(value) => {
          store.bound.value = value === usual ? null : value;
        }}
      />
    </span>
  );
}

function Said({ store }: { store: HeadsStore }) {
  const { all, shown } = store.counts.value;
  return (
    <span class="hint heads-said" aria-live="polite">
      {shown === all ? `${all} heads` : `${shown} of ${all}`}
    </span>
  );
}
