// Ctrl+C, or Cmd+C, where no text is selected: the list that the focus is in, or else the numbers on screen.

import { tabbed } from "../layout/number-table";
import type { Context } from "./context";

/** Put what is on screen into the clipboard, by the event of a browser that is about to copy nothing. */
export function copyNumbers(event: ClipboardEvent, { numbers }: Pick<Context, "numbers">): void {
  const target = event.target as Element;
  const root = target.getRootNode() as ShadowRoot & Pick<Document, "getSelection">;
  const selected = root.getSelection?.() ?? document.getSelection();
  if (target.closest("input:not([type=range], [type=checkbox]), textarea") || `${selected ?? ""}`) return;
  const list = (root.activeElement ?? target).closest("ol");
  const table = list ? null : numbers();
  const text = list ? listed(list) : table && tabbed(table);
  if (!text) return;
  event.preventDefault();
  event.clipboardData?.setData("text/plain", text);
}

/** A row an item: what stands side by side there comes in lines. */
const listed = (list: Element): string =>
  [...list.querySelectorAll<HTMLElement>("li > :first-child")]
    .map((row) => row.innerText.trim().replace(/\s*\n\s*/g, "\t"))
    .join("\n");
