// The module that every widget carries in its state: it finds the front end's code, which travels packed and once for
// all widgets, and hands over to it. Everything here is paid for by each saved widget, so it stays small.

import type { AnyModel } from "@anywidget/types";
import { importPacked, type Packed } from "./unpack";

interface Hook {
  model: AnyModel;
  signal?: AbortSignal;
}
interface Bundle {
  default: () => Hooks;
}
interface Hooks {
  initialize(hook: Hook): End;
  render(hook: Hook & { el: HTMLElement }): End;
}
type End = () => void;

declare const HASH: string; // of the code that was built together with this loader

// One import for each page and version: module scope is not shared between widgets, so the page itself remembers.
const KEY = Symbol.for(`attnwidget ${HASH}`);
const page = globalThis as unknown as Record<symbol, Promise<Bundle> | undefined>;
const PATIENCE = 6000; // ms
const MANAGER_PATIENCE = 3000;

/** Of the shared model itself, and of a host that cannot share models. */
const inState = ({ model }: Hook): Packed => model.get("_code");

async function inSharedModel({ model }: Hook): Promise<Packed | undefined> {
  const reference = model.get("_front_end");
  if (!reference) return;
  const late = new Promise<never>((_, reject) => setTimeout(reject, MANAGER_PATIENCE, Error("no shared model")));
  const shared = model.widget_manager.get_model(reference.replace("IPY_MODEL_", ""));
  return (await Promise.race([shared, late])).get("_code");
}

/** Settles when the kernel answers, which may be never. */
function fromKernel({ model, signal }: Hook): Promise<Packed> {
  return new Promise((resolve, reject) => {
    const id = `code-${Math.random()}`; // another browser's reply is heard here, too
    const stop = () => model.off("msg:custom", hear);
    const hear = (reply: { id: string; ok?: object; error?: { message: string } }, buffers: Packed[]) => {
      if (reply.id !== id) return;
      stop();
      if (reply.ok && buffers[0]) resolve(buffers[0]);
      else reject(Error(reply.error?.message));
    };
    model.on("msg:custom", hear);
    signal?.addEventListener("abort", stop);
    model.send({ id, ask: "code" });
  });
}

async function load(hook: Hook): Promise<Hooks> {
  let failure: unknown;
  for (const find of [inState, inSharedModel, fromKernel]) {
    try {
      const packed = !page[KEY] && (await find(hook));
      if (packed)
        page[KEY] ??= importPacked<Bundle>(packed).catch((error) => {
          delete page[KEY]; // another copy may be whole
          throw error;
        });
      if (page[KEY]) return (await page[KEY]).default();
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function tell(el: HTMLElement, sentence: string): undefined {
  const told = document.createElement("p");
  told.role = "alert";
  told.textContent = `The code that draws this picture ${sentence}. Run the cell again.`;
  el.replaceChildren(told);
}

export default () => {
  let loading: Promise<Hooks> | undefined;
  let session: Promise<End | undefined> | undefined;
  const hooksFor = (hook: Hook) => {
    loading ??= load(hook);
    return loading;
  };
  return {
    /** Returns at once: anywidget lets no message pass before that, and gives up on a widget after two seconds. */
    initialize(hook: Hook) {
      const isCode = hook.model.get("_front_end") === undefined; // the shared model: to import its code is all
      const begun = hooksFor(hook).then((hooks) =>
        isCode || hook.signal?.aborted ? undefined : hooks.initialize(hook),
      );
      session = begun;
      begun.catch(() => {}); // `render` tells
      return () => begun.then((end) => end?.()).catch(() => {});
    },
    async render(hook: Hook & { el: HTMLElement }): Promise<End | undefined> {
      const late = setTimeout(tell, PATIENCE, hook.el, "has not arrived");
      try {
        const hooks = await hooksFor(hook);
        await session;
        return hook.signal?.aborted ? undefined : hooks.render(hook);
      } catch (error) {
        return tell(hook.el, `cannot be loaded: ${error instanceof Error ? error.message : error}`);
      } finally {
        clearTimeout(late);
      }
    },
  };
};
