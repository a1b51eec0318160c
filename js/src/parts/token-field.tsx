// One token of a text of any length: by what it says or by its position. A menu of them all would be a page of its own.

import { useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { findTokens, windowAround } from "../layout/token-search";

interface Props {
  label: string;
  tokens: readonly string[];
  /** Undefined where none is chosen yet: the field then takes the focus. */
  chosen: number | undefined;
  /** Positions that cannot be chosen. */
  without?: readonly number[];
  onChoose(at: number): void;
  onLeave?(): void;
}

const SHOWN = 10; // tokens of the list that are in the page

export function TokenField({ label, tokens, chosen, without, onChoose, onLeave }: Props) {
  const typed = useSignal<string | null>(null); // null: nothing, and the list is closed or stands at what is chosen
  const open = useSignal(false);
  const active = useSignal(0);
  const field = useRef<HTMLInputElement>(null);
  const isNew = chosen === undefined;
  useLayoutEffect(() => {
    if (isNew) field.current?.focus();
  }, []);
  const found = useMemo(
    () => (open.value ? findTokens(tokens, typed.value ?? "", without) : []),
    [open.value, typed.value, tokens, without?.join()],
  );
  const [start, stop] = windowAround(active.value, found.length, SHOWN);
  const id = `tokens-${label.replace(/\W/g, "-")}`;

  const show = () => {
    if (open.value) return;
    open.value = true;
    active.value = Math.max(0, findTokens(tokens, "", without).indexOf(chosen ?? 0));
  };
  const close = () => {
    open.value = false;
    typed.value = null;
  };
  const choose = (at: number | undefined) => {
    if (at === undefined) return;
    close();
    onChoose(at);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: SHOWN, PageUp: -SHOWN }[event.key];
    if (step) {
      event.preventDefault();
      if (open.value) active.value = Math.max(0, Math.min(found.length - 1, active.value + step));
      else show();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (open.value) choose(found[active.value]);
      else show();
    } else if (event.key === "Escape" && open.value) {
      event.stopPropagation();
      close();
      onLeave?.();
    }
  };
  return (
    <span class="token-field">
      <input
        ref={field}
        role="combobox"
        aria-label={label}
        aria-expanded={open.value}
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={open.value && found.length > 0 ? `${id}-${active.value}` : undefined}
        autocomplete="off"
        spellcheck={false}
        placeholder="a token or its position"
        value={typed.value ?? (isNew ? "" : `${tokens[chosen]} · ${chosen}`)}
        onFocus={(event) => {
          event.currentTarget.select();
          show();
        }}
        onClick={show}
        onBlur={() => {
          close();
          onLeave?.();
        }}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
          open.value = true;
          active.value = 0;
        }}
        onKeyDown={onKeyDown}
      />
      {open.value && (
        <div class="token-list" role="listbox" id={id} aria-label={label}>
          {found.slice(start, stop).map((at, nth) => (
            // biome-ignore lint/a11y/useFocusableInteractive: the field keeps the focus and names the active one
            // biome-ignore lint/a11y/useKeyWithClickEvents: the same
            <div
              key={at}
              id={`${id}-${start + nth}`}
              role="option"
              aria-selected={start + nth === active.value}
              aria-posinset={start + nth + 1}
              aria-setsize={found.length}
              onPointerDown={(event) => event.preventDefault()}
              onClick={() => choose(at)}
            >
              <bdi>{tokens[at]}</bdi> <span class="position">{at}</span>
            </div>
          ))}
          {found.length === 0 && <p class="hint">no such token</p>}
          {found.length > SHOWN && <p class="hint">of {found.length.toLocaleString("en")}</p>}
        </div>
      )}
    </span>
  );
}
