// The one script that stands in a page as it is: it unpacks the others, and says so where they cannot be read. Scripts
// run by their hashes alone, so that of the code itself is known beforehand too. Pages of one site have that code in a
// file beside them, and it has run already.

import { unpacked } from "./dense";

declare const attnwidgetPage: typeof import("./index");

const parts = (name: string): string => {
  const found = document.getElementById(`attnwidget-${name}`);
  if (!found) throw new Error("a part of it is missing");
  return found.textContent ?? "";
};

async function start(here: HTMLElement): Promise<void> {
  parts("end");
  if (typeof attnwidgetPage === "undefined") {
    const code = document.createElement("script");
    code.textContent = new TextDecoder().decode(await unpacked(parts("code")));
    document.head.append(code);
  }
  if (typeof attnwidgetPage === "undefined") throw new Error("the browser did not run its code");
  Object.assign(globalThis, { attnwidget: await attnwidgetPage.open(parts, here) });
}

function tell(here: HTMLElement, error: unknown): void {
  const told = document.createElement("p");
  told.role = "alert";
  const reason = error instanceof Error ? error.message : String(error);
  told.textContent = `This page cannot be drawn: it is damaged, or was cut off on its way (${reason}). Ask for the file again.`;
  here.replaceChildren(told);
}

addEventListener("DOMContentLoaded", () => {
  const here = document.getElementById("attnwidget") as HTMLElement;
  start(here).catch((error: unknown) => tell(here, error));
});
