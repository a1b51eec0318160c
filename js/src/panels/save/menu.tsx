// The menu of files: figures, numbers, a page.

import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Look } from "../../parts/context";
import { copyNumbers } from "../../parts/copy";
import type { Panel, PanelProps } from "../../parts/panel";
import { type Format, save } from "./files";
import css from "./save.css";

const WIDTHS: Record<string, number | null> = { "as on screen": null, "paper 3.3 in": 3.3, "slide 10 in": 10 };

function Menu({ context }: PanelProps) {
  const isOpen = useSignal(false);
  const look = useSignal<Look>({ width: null, theme: "light", background: true });
  const waits = useSignal(0);
  const box = useRef<HTMLDivElement>(null);
  const buttons = () => [...(box.current?.querySelectorAll("button") ?? [])]; // the one that opens the menu first
  useLayoutEffect(() => {
    if (isOpen.value) box.current?.querySelector<HTMLElement>("[role=menuitem]")?.focus();
  }, [isOpen.value]);
  const outline = context.state.kernel.outline.value;
  if (!outline) return null;
  const isPage = outline.page !== null; // it makes what needs no kernel

  const close = () => {
    buttons()[0]?.focus();
    isOpen.value = false;
  };
  const make = async (format: Format) => {
    close();
    waits.value += 1;
    await save(context, format, look.value, box.current as Element);
    waits.value -= 1;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const [own, ...items] = buttons();
    const at = items.indexOf(event.target as HTMLButtonElement);
    const { key } = event;
    const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: -1 }[key];
    if (event.target === own) {
      if (key !== "ArrowDown") return;
      isOpen.value = true;
    } else if (to !== undefined) items.at(to % items.length)?.focus();
    else if (key === "Escape" || key === "Tab") close();
    else return;
    event.stopPropagation();
    if (key !== "Tab") event.preventDefault();
  };

  const item = (says: string, title: string, onClick: () => void, checked?: boolean, role = "menuitemradio") => (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: those that are checked have a role for it
    <button
      type="button"
      key={says}
      role={(checked === undefined ? "menuitem" : role) as "menuitem"}
      aria-checked={checked}
      class="small-button"
      tabIndex={-1}
      title={title}
      onClick={onClick}
    >
      {says}
    </button>
  );
  const set = (patch: Partial<Look>) => () => {
    look.value = { ...look.value, ...patch };
  };
  const group = (name: string, ...items: preact.ComponentChildren[]) => (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is no part of a menu
    <div role="group" aria-label={name}>
      <i aria-hidden="true">{name}</i>
      {items}
    </div>
  );
  const { width, theme, background } = look.value;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys and focus of the menu inside
    <div
      ref={box}
      class="save"
      onKeyDown={onKeyDown}
      onFocusOut={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) isOpen.value = false;
      }}
    >
      <button
        type="button"
        class="run"
        aria-haspopup="menu"
        aria-expanded={isOpen.value}
        aria-busy={waits.value > 0}
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        Save
      </button>
      {isOpen.value && (
        <div class="save-menu" role="menu" aria-label="Save">
          {group(
            "width",
            ...Object.entries(WIDTHS).map(([name, inches]) =>
              item(name, "of the figure", set({ width: inches }), width === inches),
            ),
          )}
          {group(
            "colours",
            ...(["light", "dark"] as const).map((name) =>
              item(name, "of the figure", set({ theme: name }), theme === name),
            ),
            item(
              "transparent",
              "the figure has no background",
              set({ background: !background }),
              !background,
              "menuitemcheckbox",
            ),
          )}
          {group(
            "figure",
            item("SVG", "vectors, to be edited", () => make("svg")),
            item("PNG", "pixels, twice as many as on screen", () => make("png")),
            !isPage && item("PDF", "for a paper", () => make("pdf")),
          )}
          {group(
            "numbers",
            item("CSV", "a table for a spreadsheet", () => make("csv")),
            item("copy", "to be pasted into a spreadsheet; Ctrl+C does the same", () => {
              close();
              const copy = (event: ClipboardEvent) => copyNumbers(event, context);
              document.addEventListener("copy", copy, { once: true }); // it comes to the page, whatever has the focus
              document.execCommand("copy");
            }),
          )}
          {!isPage &&
            group(
              "page",
              item("HTML", "to explore in a browser, without a kernel or a network", () => make("html")),
            )}
        </div>
      )}
    </div>
  );
}

export const saveMenu: Panel = { place: "top", css, Component: Menu };
