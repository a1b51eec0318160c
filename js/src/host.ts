// Every difference between hosts lives here: message channel, shadow root, theme.

import { signal as createSignal, type Signal } from "@preact/signals";
import { type ComponentChild, render as draw } from "preact";
import { importPacked } from "./unpack";
import type { Channel } from "./wire/client";
import { UNWANTED } from "./wire/client";

/** What anywidget gives, as far as we use it. */
export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown): void;
  on(name: string, callback: (...args: never[]) => void): void;
  off(name: string, callback: (...args: never[]) => void): void;
  /** Not in every host. */
  widget_manager?: { get_model(id: string): Promise<Model> };
}

/** Import code that the widgets of a notebook share, by the name of its trait; null in a host that shares none. */
export async function importShared<Module>(model: Model, name: string): Promise<Module | null> {
  const reference = model.get("_front_end");
  if (typeof reference !== "string") return null;
  const shared = await model.widget_manager?.get_model(reference.replace("IPY_MODEL_", ""));
  const packed = shared?.get(name);
  return packed ? importPacked<Module>(packed as string) : null;
}

/** Some hosts give no abort signal; a cleanup function then does its work. */
function lifetime(signal: AbortSignal | undefined): { signal: AbortSignal; end(): void } {
  const own = new AbortController();
  signal?.addEventListener("abort", () => own.abort(UNWANTED));
  return { signal: own.signal, end: () => own.abort(UNWANTED) };
}

/** Call back at every event of the model until the signal aborts. */
export function listen(model: Model, name: string, callback: (...args: never[]) => void, signal: AbortSignal): void {
  model.on(name, callback);
  signal.addEventListener("abort", () => model.off(name, callback));
}

export function createChannel(model: Model, signal: AbortSignal): Channel {
  return {
    send(content) {
      try {
        model.send(content);
        return true;
      } catch {
        return false; // JupyterLab: the kernel is gone, and with it its line
      }
    },
    onMessage: (callback) => listen(model, "msg:custom", callback, signal),
    onReturn(callback) {
      globalThis.addEventListener("online", callback, { signal });
      globalThis.addEventListener("pageshow", callback, { signal });
      const look = () => document.visibilityState === "visible" && callback();
      document.addEventListener("visibilitychange", look, { signal });
    },
  };
}

/**
 * An open shadow root, so that the host's style sheets cannot reach in. JupyterLab and Notebook see the shadow host as
 * the target of every key typed inside: unless it says so itself, letters would run as cell shortcuts.
 */
function createRoot(el: HTMLElement, css: string): HTMLElement {
  const shadowHost = document.createElement("div");
  shadowHost.setAttribute("data-lm-suppress-shortcuts", "true");
  const shadow = shadowHost.attachShadow({ mode: "open" });
  const style = document.createElement("style");
  style.textContent = css;
  const root = document.createElement("div");
  shadow.append(style, root);
  el.replaceChildren(shadowHost);
  return root;
}

export type Theme = "light" | "dark";

/** The host's theme, followed while the signal lives. */
function followTheme(el: HTMLElement, signal: AbortSignal): Signal<Theme> {
  const theme = createSignal(readTheme(el));
  const update = () => {
    theme.value = readTheme(el);
  };
  const observer = new MutationObserver(update);
  for (const target of [document.documentElement, document.body]) {
    observer.observe(target, { attributes: true });
  }
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", update, { signal });
  signal.addEventListener("abort", () => observer.disconnect());
  return theme;
}

function readTheme(el: HTMLElement): Theme {
  const { body, documentElement } = document;
  const lab = body.getAttribute("data-jp-theme-light");
  if (lab) return lab === "true" ? "light" : "dark";
  if (body.classList.contains("vscode-light")) return "light";
  if (/vscode-(dark|high-contrast)\b/.test(body.className)) return "dark";
  const named = documentElement.getAttribute("theme") ?? documentElement.getAttribute("data-theme"); // Colab and others
  if (named === "dark" || named === "light") return named;
  return darkBehind(el) ? "dark" : "light";
}

/** Is the nearest painted background dark? With none painted, the reader's own preference. */
function darkBehind(el: HTMLElement): boolean {
  for (let at: HTMLElement | null = el; at; at = at.parentElement) {
    const [red = 0, green = 0, blue = 0, alpha = 1] =
      getComputedStyle(at)
        .backgroundColor.match(/[\d.]+/g)
        ?.map(Number) ?? [];
    if (alpha > 0.5) return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

interface Hook {
  model: Model;
  signal?: AbortSignal;
}

/** An anywidget module's hooks: one session for each model, and in every cell a view of it. */
export function createHooks<Session>(
  createSession: (model: Model, signal: AbortSignal) => Session,
  view: (session: Session, theme: Signal<Theme>, abort: AbortSignal) => ComponentChild,
  css: string,
) {
  return () => {
    let session: Session | undefined;
    return {
      initialize({ model, signal }: Hook) {
        const life = lifetime(signal);
        session = createSession(model, life.signal);
        return life.end;
      },
      render({ model, el, signal }: Hook & { el: HTMLElement }) {
        const life = lifetime(signal);
        const own = session ?? createSession(model, life.signal);
        const root = createRoot(el, css);
        draw(view(own, followTheme(el, life.signal), life.signal), root);
        life.signal.addEventListener("abort", () => draw(null, root));
        return life.end;
      },
    };
  };
}
