// Questions to the kernel. A kernel that is busy and one that is gone look alike from here: both are silent.

import { signal as createSignal, type ReadonlySignal } from "@preact/signals";
import type { Agreement, AnyRequest, Ask, GotoEvent, ProgressEvent, Reply, SelectionEvent } from "./schema";

type Params<A extends Ask> = Omit<Extract<AnyRequest, { ask: A }>, "ask" | "id">;

type Message = Reply | SelectionEvent | GotoEvent | ProgressEvent;

/** The custom-message line to the kernel. */
export interface Channel {
  /** Whether the host took it: else there is no kernel. */
  send(content: unknown): boolean;
  onMessage(callback: (message: Message, buffers: ArrayBufferView[]) => void): void;
  /** Messages may have been lost: the page was away, or its network. */
  onReturn(callback: () => void): void;
}

export interface Answer {
  ok: Record<string, unknown>;
  buffers: ArrayBufferView[];
}

export interface AskOptions {
  /** Aborted when nobody needs the answer any more: the kernel is told, and the promise stays open. */
  abort?: AbortSignal;
  /** Not needed for what is on screen: that it is late is no news. */
  quiet?: boolean;
  /** What is computed, in words: it is shown if it takes long, and the reader may stop it. */
  label?: string;
}

/** Something that the kernel works on for long. */
export interface Progress extends Pick<ProgressEvent, "id" | "done" | "total"> {
  label: string;
  /** The promise then rejects with `STOPPED`. */
  stop(): void;
}

/** Why a request is given up. Without a reason the browser makes an error, which keeps what was on screen then. */
export const UNWANTED = "no longer wanted";

/** The message of what the reader has stopped. */
export const STOPPED = "stopped";

export interface Client {
  /** How the kernel knows this browser. */
  readonly name: string;
  /** Rejects if the kernel says why it cannot; an answer about a text that is gone never comes. */
  ask<A extends Ask>(ask: A, params?: Params<A>, options?: AskOptions): Promise<Answer>;
  /** Say that the kernel is to confirm something by an event; it is late like a question until `confirmed`. */
  expect(): () => void;
  /** Ask whether it is there, and of one mind with this browser. */
  check(): void;
  onAgreement(callback: (agreement: Agreement) => void): void;
  onSelection(callback: (event: SelectionEvent) => void): void;
  readonly progress: ReadonlySignal<Progress[]>;
  onGoto(callback: (event: GotoEvent) => void): void;
  /** Note a sign of life that came another way. */
  hear(): void;
  /** True while something has been open for longer than the patience; the answer may still come. */
  readonly silent: ReadonlySignal<boolean>;
  /** Whether the kernel has ever given a sign of life here. */
  readonly heard: ReadonlySignal<boolean>;
  /** Whether an answer is open that the reader waits for. */
  readonly waiting: ReadonlySignal<boolean>;
}

interface Open {
  send(): void;
  answer?(reply: Reply, buffers: ArrayBufferView[]): void;
  /** Take it back, because the reader no longer wants it. */
  stop?(): void;
  label?: string;
  quiet: boolean;
  /** Whether the reader asked for it; else only this browser wants to know. */
  wanted: boolean;
  since: number;
}

// The one rule: what has been open for so long makes the kernel silent; then it is asked for a sign of life as often,
// and what was lost on the way is asked again as soon as it gives one.
const PATIENCE = 6000;

export function createClient(channel: Channel, abort: AbortSignal, patience = PATIENCE): Client {
  const open = new Map<string, Open>();
  const silent = createSignal(false);
  const heard = createSignal(false);
  const waiting = createSignal(false);
  const progress = createSignal<Progress[]>([]);
  const agreements: ((agreement: Agreement) => void)[] = [];
  const selections: ((event: SelectionEvent) => void)[] = [];
  const gotos: ((event: GotoEvent) => void)[] = [];
  // Several browsers may look at one widget, and each hears the others' replies.
  const name = Math.random().toString(36).slice(2);
  let count = 0;
  let hello = ""; // that is open
  let timer: ReturnType<typeof setTimeout> | undefined;

  const number = () => {
    count += 1;
    return `${name}-${count}`;
  };

  /** No longer open. */
  function close(id: string): boolean {
    if (progress.peek().some((one) => one.id === id)) progress.value = progress.peek().filter((one) => one.id !== id);
    return open.delete(id);
  }

  /** Look again when the oldest open question runs out of patience. */
  function watch(): void {
    clearTimeout(timer);
    const late = [...open.values()].filter(({ quiet }) => !quiet);
    waiting.value = late.some(({ wanted }) => wanted);
    if (late.length === 0) {
      silent.value = false;
      return;
    }
    const left = Math.min(...late.map(({ since }) => since)) + patience - performance.now();
    timer = setTimeout(
      () => {
        silent.value = true;
        open.delete(hello);
        sayHello();
      },
      silent.value ? patience : Math.max(0, left),
    );
  }

  function add(id: string, one: Omit<Open, "since">): void {
    open.set(id, { ...one, since: performance.now() });
    one.send();
    watch();
  }

  function send(content: object): void {
    if (!channel.send(content)) silent.value = true;
  }

  function sayHello(): void {
    if (open.has(hello)) return;
    const asked = number();
    hello = asked;
    const before = [...open]; // whatever of these is still open when the answer comes was lost, or is being worked on
    add(asked, {
      quiet: false,
      wanted: false,
      send: () => send({ id: asked, ask: "hello" }),
      answer: ({ ok }) => {
        for (const [id, one] of before) if (silent.peek() && open.get(id) === one) one.send();
        if (ok) for (const callback of agreements) callback(ok as unknown as Agreement);
      },
    });
  }

  channel.onMessage((message: Message, buffers) => {
    if ("event" in message) {
      if (message.event === "selection") for (const callback of selections) callback(message);
      else if (message.event === "goto") for (const callback of gotos) callback(message);
      else follow(message);
    } else if (message.id) {
      const one = open.get(message.id);
      close(message.id);
      one?.answer?.(message, buffers);
    }
    hear();
  });

  function follow({ id, done, total }: ProgressEvent): void {
    const { label, stop } = open.get(id) ?? {};
    if (!label || !stop) return;
    const others = progress.peek().filter((one) => one.id !== id);
    progress.value = [...others, { id, label, done, total, stop }];
  }

  /** Any word ends the silence; what is still open has its full time again. */
  function hear(): void {
    heard.value = true;
    silent.value = false;
    for (const one of open.values()) one.since = performance.now();
    watch();
  }
  channel.onReturn(sayHello);
  abort.addEventListener("abort", () => {
    clearTimeout(timer);
    open.clear();
  });

  return {
    name,
    hear,
    silent,
    heard,
    waiting,
    progress,
    ask(ask, params, { abort: unwanted, quiet = false, label } = {}) {
      const id = number();
      return new Promise<Answer>((resolve, reject) => {
        if (unwanted?.aborted) return;
        const cancel = () => {
          if (!close(id)) return;
          send({ id: number(), ask: "cancel", requests: [id] });
          watch();
        };
        unwanted?.addEventListener("abort", cancel);
        add(id, {
          label,
          stop() {
            cancel();
            reject(new Error(STOPPED));
          },
          quiet,
          wanted: !quiet,
          send: () => send({ id, ask, ...params }),
          answer: ({ ok, error }, buffers) => {
            if (ok) resolve({ ok, buffers });
            else if (error?.kind !== "stale" && error?.kind !== "cancelled") {
              reject(new Error(error?.message ?? "the kernel gave no reason"));
            }
          },
        });
      });
    },
    expect() {
      const id = number();
      add(id, { quiet: false, wanted: false, send: () => {} });
      return () => {
        open.delete(id);
        watch();
      };
    },
    check: sayHello,
    onAgreement: (callback) => void agreements.push(callback),
    onSelection: (callback) => void selections.push(callback),
    onGoto: (callback) => void gotos.push(callback),
  };
}
