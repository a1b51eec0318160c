// What stands in for a notebook's model and the kernel behind it: the widget cannot tell. It keeps the traits, answers
// requests from the page's numbers, and fills the states that follow from the selection.

import type { Model } from "../host";
import { type AnyRequest, type Reply, SELECTION, type Selection, STATES, type Stamp, TEXTS } from "../wire/schema";
import { MEANT } from "./answer";
import { ANSWERS } from "./answers";
import type { Alive, Book } from "./book";
import { pictures } from "./pictures";
import { chosen } from "./selection";
import { stepsOf, tellingQuery } from "./steps";

type Callback = (...args: never[]) => void;

const SLICE = 12; // ms of work between two looks at what else there is to do
const REPORT_EVERY = 500; // ms
const NO_MODEL = "this is a saved page: it has no model to run";

/** Nobody waits for it any more. */
class Cancelled extends Error {}

export function createModel(book: Book): Model {
  const { data } = book;
  const state: Record<string, unknown> = { ...data.texts, ...data.selection, _stamp: {} };
  for (const name of STATES) state[`_${name}`] = {};
  state._status = data.status;
  state._posed = data.posed;
  const listeners = new Map<string, Set<Callback>>();
  const changed = new Set<string>();
  const cancelled = new Set<string>();
  const open = new Set<string>();
  const telling = new Map<string, number>(); // by attention, the query of the breakdown where none is pinned
  let selection: Selection = data.selection;
  let seen = 0;

  const emit = (name: string, ...args: unknown[]) => {
    for (const callback of [...(listeners.get(name) ?? [])]) (callback as (...all: unknown[]) => void)(...args);
  };
  const put = (values: Record<string, unknown>) => {
    Object.assign(state, values);
    for (const name of Object.keys(values)) emit(`change:${name}`);
  };
  const show = () => {
    const { outline, pictures, categories, effects } = book.attention(selection.attention);
    put({ _outline: outline, _pictures: pictures, _categories: categories, _breakdown: {}, ...effects });
  };
  /** What was set and not saved yet. */
  const pending = () =>
    Object.fromEntries(SELECTION.filter((name) => changed.has(name)).map((name) => [name, state[name]]));
  const run = () => book.attention(selection.attention).run;

  /** Take what the widget set, and fill what follows from it. */
  function take(values: Partial<Selection>, stamp: Stamp | null): void {
    const before = selection;
    selection = chosen(before, values, data);
    put({ ...selection }); // what follows from a choice
    if (stamp) {
      seen = Math.max(seen, stamp.count);
      emit("msg:custom", { event: "selection", run: run(), by: stamp, selection }, []);
    }
    if (selection.attention !== before.attention) show();
    follow(before).catch((error: Error) =>
      put({ _status: { ...data.status, state: "error", message: error.message } }),
    );
  }

  async function follow(before: Selection | null): Promise<void> {
    const now = selection;
    const drawn = (state._pictures as { measure?: string }).measure;
    if (data.steps.includes(now.view)) await breakDown(now);
    if (before && now === selection && drawn !== now.measure) {
      const made = await pictures(
        book,
        now.attention,
        now.measure,
        slices(() => now.measure !== selection.measure),
      );
      if (now.measure === selection.measure && now.attention === selection.attention) put({ _pictures: made });
    }
  }

  async function breakDown(now: Selection): Promise<void> {
    const known = telling.get(now.attention);
    const query = now.queries.length > 0 ? 0 : (known ?? (await tellingQuery(book, now)));
    if (now.queries.length === 0) telling.set(now.attention, query);
    const made = await stepsOf(book, now, query);
    if (now === selection) put({ _breakdown: made });
  }

  function slices(isOff: () => boolean, report: (done: number, total: number) => void = () => {}): Alive {
    let [since, told] = [performance.now(), performance.now()];
    return async (done = 0, total = 0) => {
      if (performance.now() - since < SLICE) return;
      await new Promise((go) => setTimeout(go));
      since = performance.now();
      if (isOff()) throw new Cancelled();
      if (total === 0 || since - told < REPORT_EVERY) return;
      told = since;
      report(done, total);
    };
  }

  async function answer(ask: AnyRequest): Promise<[Reply["ok"], ArrayBufferView[]]> {
    switch (ask.ask) {
      case "hello":
        return [{ run: run(), seen, selection: { ...selection, ...pending() } }, []];
      case "select":
        take(ask.selection, null);
        seen = Math.max(seen, ask.count);
        return [{}, []];
      case "resend":
        put({ ...state });
        return [{}, []];
      case "cancel":
        for (const id of ask.requests) if (open.has(id)) cancelled.add(id);
        return [{}, []];
      case "next": {
        const tokens = data.next?.[ask.query];
        if (!tokens) throw new Error(`what the model expects here is not on this page. ${NO_MODEL}`);
        return [{ run: run(), query: ask.query, tokens }, []];
      }
      case "pictures":
      case "categories":
      case "ahead":
      case "answered":
        return [{}, []]; // what there is came with the page
      case "run":
      case "example":
      case "stop":
      case "code":
      case "effects":
      case "cuts":
      case "mask":
      case "apart":
      case "compare":
      case "compareMasks":
      case "sides":
      case "distances":
      case "stopEffects":
      case "putBack":
      case "chooseInLab":
        throw new Error(NO_MODEL);
      case "save":
        throw new Error(`this is a saved page: without a kernel it saves SVG, and no ${ask.format.toUpperCase()}`);
      default: {
        if (ask.run !== null && ask.run !== undefined && ask.run !== run()) throw new Cancelled();
        const attention = ask.attention ?? selection.attention;
        const report = (done: number, total: number) =>
          emit("msg:custom", { event: "progress", id: ask.id, done, total }, []);
        const alive = slices(() => cancelled.has(ask.id), report);
        const make = ANSWERS[ask.ask] as (...args: unknown[]) => ReturnType<(typeof ANSWERS)["tile"]>;
        const { shape, numbers, more } = await make(book, attention, { ...MEANT, ...ask }, alive);
        const dtype = numbers instanceof Uint8Array ? "uint8" : "float32";
        return [{ run: run(), dtype, shape, ...more }, [numbers]];
      }
    }
  }

  async function receive(ask: AnyRequest): Promise<void> {
    if (open.has(ask.id)) return; // asked again, and being worked on
    open.add(ask.id);
    let reply: Reply;
    let buffers: ArrayBufferView[] = [];
    try {
      const [ok, found] = await answer(ask);
      reply = { id: ask.id, ok, error: null };
      buffers = found;
    } catch (error) {
      const kind = error instanceof Cancelled ? "cancelled" : "failed";
      reply = { id: ask.id, ok: null, error: { message: (error as Error).message, kind } };
    }
    open.delete(ask.id);
    cancelled.delete(ask.id);
    emit("msg:custom", reply, buffers);
  }

  show();
  follow(null);
  return {
    get: (name) => state[name],
    set(name, value) {
      if (JSON.stringify(state[name]) === JSON.stringify(value)) return;
      state[name] = value;
      changed.add(name);
      emit(`change:${name}`);
    },
    save_changes() {
      const values = pending();
      const texts = TEXTS.filter((name) => changed.has(name)).map((name) => [name, data.texts[name]]);
      changed.clear();
      const stamp = state._stamp as Stamp;
      take(values, stamp.client ? stamp : null);
      put(Object.fromEntries(texts)); // there is no model to run others
    },
    send: (content) => queueMicrotask(() => void receive(structuredClone(content) as AnyRequest)),
    on(name, callback) {
      const all = listeners.get(name) ?? new Set();
      listeners.set(name, all.add(callback));
    },
    off: (name, callback) => void listeners.get(name)?.delete(callback),
  };
}
