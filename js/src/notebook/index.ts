// The widget manager of a notebook's page, where there is no Jupyter: it mounts what was saved. Any anywidget and boxes
// of them; all else stands in the page in its text form.

interface SavedModel {
  model_name: string;
  state: Record<string, unknown>;
  buffers?: { path: (string | number)[]; encoding: string; data: string }[];
}
type Callback = (...args: unknown[]) => void;
type End = (() => unknown) | undefined;
interface Hooks {
  initialize?(hook: object): Promise<End> | End;
  render?(hook: object): Promise<End> | End;
}

/** What anywidget gives its modules, without a kernel behind it. */
class PageModel {
  #listeners = new Map<string, Set<Callback>>();
  constructor(
    readonly state: Record<string, unknown>,
    readonly widget_manager: Manager,
  ) {}
  get(name: string) {
    return this.state[name];
  }
  set(name: string | Record<string, unknown>, value?: unknown) {
    if (typeof name === "object") {
      for (const [one, of] of Object.entries(name)) this.set(one, of);
    } else if (this.state[name] !== value) {
      this.state[name] = value;
      for (const event of [`change:${name}`, "change"]) for (const call of this.#listeners.get(event) ?? []) call();
    }
  }
  save_changes() {}
  send() {
    throw new Error("there is no kernel behind this page");
  }
  on(names: string, callback: Callback) {
    for (const name of names.split(" "))
      this.#listeners.set(name, (this.#listeners.get(name) ?? new Set()).add(callback));
  }
  off(names?: string | null, callback?: Callback | null) {
    for (const name of names?.split(" ") ?? this.#listeners.keys()) {
      if (callback) this.#listeners.get(name)?.delete(callback);
      else this.#listeners.delete(name);
    }
  }
}

class Manager {
  #models = new Map<string, Promise<{ model: PageModel; hooks: Hooks | null }>>();
  constructor(readonly saved: Record<string, SavedModel>) {}

  async get_model(id: string) {
    return (await this.#open(id)).model;
  }

  async mount(id: string, el: HTMLElement): Promise<void> {
    const { model, hooks } = await this.#open(id);
    if (hooks) {
      const style = document.createElement("style");
      style.textContent = String(model.get("_css") ?? "");
      const inner = document.createElement("div");
      el.append(style, inner);
      await hooks.render?.({ model, el: inner, signal: new AbortController().signal, experimental: {} });
      return;
    }
    el.style.display = "flex";
    el.style.flexDirection = this.saved[id]?.model_name === "HBoxModel" ? "row" : "column";
    for (const child of model.get("children") as string[]) {
      const place = document.createElement("div");
      place.style.flex = "1 1 auto";
      place.style.minWidth = "0";
      el.append(place);
      await show(this, idOf(child), place);
    }
  }

  #open(id: string) {
    const known = this.#models.get(id) ?? this.#make(id);
    this.#models.set(id, known);
    return known;
  }

  async #make(id: string) {
    const one = this.saved[id];
    if (!one) throw new Error("its saved state is missing");
    for (const { path, data } of one.buffers ?? []) {
      const inner = path
        .slice(0, -1)
        .reduce((at, key) => at[key] as Record<string, unknown>, one.state as Record<string | number, unknown>);
      inner[path.at(-1) as string] = new DataView(Uint8Array.from(atob(data), (char) => char.charCodeAt(0)).buffer);
    }
    const model = new PageModel(one.state, this);
    if (typeof one.state._esm !== "string") return { model, hooks: null };
    const url = URL.createObjectURL(new Blob([one.state._esm], { type: "text/javascript" }));
    const module = await import(url).finally(() => URL.revokeObjectURL(url));
    const hooks: Hooks = typeof module.default === "function" ? await module.default() : (module.default ?? module);
    await hooks.initialize?.({ model, signal: new AbortController().signal, experimental: {} });
    return { model, hooks };
  }
}

const idOf = (reference: string): string => reference.replace("IPY_MODEL_", "");

async function show(manager: Manager, id: string, el: HTMLElement): Promise<void> {
  try {
    await manager.mount(id, el);
  } catch (error) {
    const told = document.createElement("p");
    told.role = "alert";
    told.textContent = `This saved widget cannot be drawn: ${error instanceof Error ? error.message : error}.`;
    el.replaceChildren(told);
  }
}

const scripts = (kind: string): HTMLElement[] => [
  ...document.querySelectorAll<HTMLElement>(`script[type="application/vnd.jupyter.widget-${kind}+json"]`),
];

const manager = new Manager(
  Object.assign({}, ...scripts("state").map((one) => JSON.parse(one.textContent ?? "").state)) as Record<
    string,
    SavedModel
  >,
);
for (const one of scripts("view")) {
  const el = document.createElement("div");
  one.after(el);
  show(manager, JSON.parse(one.textContent ?? "").model_id, el);
}
