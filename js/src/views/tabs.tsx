// The views of the widget, one at a time.

import type { ComponentChildren } from "preact";
import type { State } from "../state";

export const VIEWS: [view: string, name: string][] = [
  ["lines", "Lines"],
  ["breakdown", "Breakdown"],
];

interface Props {
  state: State;
  view: string;
  children: ComponentChildren;
}

export function Tabs({ state, view, children }: Props) {
  const onKeyDown = (event: KeyboardEvent) => {
    const at = VIEWS.findIndex(([one]) => one === view);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? VIEWS.length - 1 : step && at + step;
    const next = to === undefined ? undefined : VIEWS.at(to % VIEWS.length);
    if (!next) return;
    event.preventDefault();
    state.set({ view: next[0] });
    const list = event.currentTarget as Element;
    list.querySelector<HTMLElement>(`[data-tab="${next[0]}"]`)?.focus();
  };
  return (
    <div class="tabs">
      <div role="tablist" aria-label="view" tabIndex={-1} onKeyDown={onKeyDown}>
        {VIEWS.map(([one, name]) => (
          <button
            key={one}
            type="button"
            role="tab"
            data-tab={one}
            aria-selected={one === view}
            tabIndex={one === view ? 0 : -1}
            onClick={() => one !== view && state.set({ view: one })}
          >
            {name}
          </button>
        ))}
      </div>
      {children}
    </div>
  );
}
