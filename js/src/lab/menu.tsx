// All variants by group: those side by side are marked, and one click brings another there.

import { useSignal } from "@preact/signals";
import { SIDE_BY_SIDE, withVariant } from "../layout/lab";
import type { LabBoard } from "../wire/schema";
import type { Lab } from "./state";

export function Menu({ lab: { choice, set }, board }: { lab: Lab; board: LabBoard }) {
  const open = useSignal(false);
  const { variants, chosen } = choice;
  const groups = [...new Set(board.menu.map(({ group }) => group))];
  const choose = (name: string) => {
    open.value = false;
    set({ variants: withVariant(variants.value, chosen.value, name), chosen: name });
  };
  return (
    <nav class={open.value ? "lab-menu side open" : "lab-menu side"} aria-label="variants of attention">
      <button
        type="button"
        class="fold"
        aria-expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        variants: {variants.value.length} of {board.menu.length}
      </button>
      <div class="lab-list">
        {groups.map((group) => (
          <div class="lab-group" key={group}>
            <h2>{group}</h2>
            <ul>
              {board.menu
                .filter((one) => one.group === group)
                .map(({ name, label, sentence }) => (
                  <li key={name}>
                    <button
                      type="button"
                      data-variant={name}
                      title={sentence}
                      class={name === chosen.value ? "chosen" : ""}
                      aria-pressed={variants.value.includes(name)}
                      onClick={() => choose(name)}
                    >
                      {label}
                    </button>
                  </li>
                ))}
            </ul>
          </div>
        ))}
        <p class="fine">up to {SIDE_BY_SIDE} side by side; another takes the place of the chosen one</p>
      </div>
    </nav>
  );
}
