// Files of what is on screen. The kernel makes them; the numbers are here without one, too.

import { effect } from "@preact/signals";
import { headName } from "../../layout/heads";
import { csv, MOST } from "../../layout/number-table";
import type { Context, Figures, Look } from "../../parts/context";
import { STOPPED, UNWANTED } from "../../wire/client";
import type { Save } from "../../wire/schema";

export type Format = Save["format"];
interface Made {
  ok: { mime?: unknown };
  buffers: BlobPart[];
}

/** What makes files where there is never a kernel: a saved page brings it along. */
export const here: { make: Figures["fileHere"] | null } = { make: null };

const KEPT = 60_000; // ms that a host has to fetch a file

/** Make a file and hand it to the reader, unless that is stopped; what goes wrong is told in the frame. */
export async function save(context: Context, format: Format, look: Look, near: Element): Promise<void> {
  try {
    const { ok, buffers } = (await fromElsewhere(context, format, look)) ?? (await fromHere(context, format, look));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(buffers, { type: ok.mime as string }));
    link.download = fileName(context, format);
    near.append(link); // hosts listen for its click in the page
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), KEPT);
  } catch (error) {
    const { message } = error as Error;
    if (message !== STOPPED) context.problem.value = message;
  }
}

/** Null where no kernel answers. */
function fromKernel({ client }: Context, format: Format, look: Look): Promise<Made | null> {
  return new Promise((resolve, reject) => {
    if (!client.heard.peek()) return resolve(null);
    const needless = new AbortController();
    const label = `making the ${format.toUpperCase()}`;
    const answer = client.ask("save", { format, ...look }, { abort: needless.signal, label });
    const stop = effect(() => {
      if (!client.silent.value) return;
      needless.abort(UNWANTED);
      resolve(null);
    });
    answer.then((found) => resolve(found as Made), reject).finally(stop);
  });
}

async function fromElsewhere(context: Context, format: Format, look: Look): Promise<Made | null> {
  if (!here.make) return fromKernel(context, format, look);
  const file = await here.make(context, format, look);
  return file === null ? null : { ok: {}, buffers: [file] };
}

async function fromHere(context: Context, format: Format, look: Look): Promise<Made> {
  const isFigure = format === "svg" || format === "png";
  const file = isFigure && (await (await context.figures())?.fileHere(context, format, look));
  return file ? { ok: {}, buffers: [file] } : numbersHere(context, format);
}

function numbersHere({ numbers }: Context, format: Format): Made {
  if (format !== "csv") {
    throw new Error(
      `Only the kernel can make the ${format.toUpperCase()}, and it does not answer: run the cell again.`,
    );
  }
  const table = numbers();
  if (!table) throw new Error("Pin a token: without the kernel, only the numbers of what is pinned are here.");
  if (table.count > MOST) throw new Error(`A table of ${table.count} rows is too long: pin some tokens.`);
  return { ok: { mime: "text/csv" }, buffers: [csv(table)] };
}

/** "demo-causal-lines-L3-H0.svg": nothing that a disk or a shell would take otherwise. */
function fileName({ state: { traits, kernel } }: Context, format: Format): string {
  const [head, ...others] = traits.heads.value;
  const own = others.length > 0 ? `${others.length + 1}-heads` : head && headName(head);
  const name = [kernel.outline.value?.model, traits.view.value, own].join("-");
  return `${name
    .replace(/[^\w.]+/g, "-")
    .replace(/^[-.]+/, "")
    .slice(-80)}.${format}`;
}
