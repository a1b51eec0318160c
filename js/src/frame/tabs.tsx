// The views of the widget, one at a time.

import type { State } from "../state/state";
import { VIEWS } from "../views/registry";

interface Props {
  state: State;
  view: string;
}

export function Tabs({ state, view }: Props) {
  const onKeyDown = (event: KeyboardEvent) => {
    const at = VIEWS.findIndex(({ name }) => name === view);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? VIEWS.length - 1 : step && at + step;
    const next = to === undefined ? undefined : VIEWS.at(to % VIEWS.length);
    if (!next) return;
    event.preventDefault();
    state.set({ view: next.name });
    const list = event.currentTarget as Element;
    list.querySelector<HTMLElement>(`[data-tab="${next.name}"]`)?.focus();
  };
  return (
    <div role="tablist" aria-label="view" tabIndex={-1} onKeyDown={onKeyDown}>
      {VIEWS.map(({ name, label }) => (
        <button
          key={name}
          type="button"
          role="tab"
          data-tab={name}
          aria-selected={name === view}
          tabIndex={name === view ? 0 : -1}
          onClick={() => name !== view && state.set({ view: name })}
        >
          {label}
        </button>
      ))}
    </div>
  );
}
