import { signal as createSignal, type Signal } from "@preact/signals";
import type { Channel } from "../host";
import type { Ask } from "./protocol";

export interface Reply {
  ok: Record<string, unknown>;
  buffers: ArrayBufferView[];
}

/** Asks the kernel. A kernel that is busy and one that is gone look alike from here: both are silent. */
export interface Client {
  ask(ask: Ask, params?: Record<string, unknown>): Promise<Reply>;
  /** True while a question has been open for longer than the patience; the answer may still come. */
  silent: Signal<boolean>;
}

interface Pending {
  resolve(reply: Reply): void;
  reject(error: Error): void;
  timer: ReturnType<typeof setTimeout>;
}

const PATIENCE = 6000;

export function createClient(channel: Channel, abort: AbortSignal, patience = PATIENCE): Client {
  const pending = new Map<string, Pending>();
  const silent = createSignal(false);
  // Several browsers may look at one widget, and each hears the others' replies.
  const mine = Math.random().toString(36).slice(2);
  let count = 0;

  channel.onMessage((message, buffers) => {
    silent.value = false;
    const waiting = pending.get(message.id);
    if (!waiting) return;
    pending.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.ok) waiting.resolve({ ok: message.ok, buffers });
    else waiting.reject(new Error(message.error?.message ?? "the kernel gave no reason"));
  });
  abort.addEventListener("abort", () => {
    for (const waiting of pending.values()) clearTimeout(waiting.timer);
    pending.clear();
  });

  return {
    silent,
    ask(ask, params = {}) {
      count += 1;
      const id = `${mine}-${count}`;
      return new Promise<Reply>((resolve, reject) => {
        const timer = setTimeout(() => {
          silent.value = true;
        }, patience);
        pending.set(id, { resolve, reject, timer });
        channel.send({ id, ask, ...params });
      });
    },
  };
}
