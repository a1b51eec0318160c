// The anywidget module. Wiring only: a model's session, and a view of it.
//
// The loader imports it once for each page, so all widgets share what stands at the top level of any module here: only
// constants, and what is made anew at each use or is the same for everybody (draw/strips.ts keeps a scratch canvas and
// the colour ramps). What belongs to a model or to a view is made in these hooks.

import { render as draw, h } from "preact";
import { App } from "./frame/app";
import { css } from "./frame/styles";
import { createChannel, createRoot, followTheme, importShared, lifetime, type Model } from "./host";
import type { Figures } from "./parts/context";
import { createSource, type Source } from "./source/source";
import { createState, type State } from "./state/state";
import { type Client, createClient } from "./wire/client";

interface Session {
  state: State;
  client: Client;
  source: Source;
  figures(): Promise<Figures | null>;
}

function createSession(model: Model, signal: AbortSignal): Session {
  const client = createClient(createChannel(model, signal), signal);
  const state = createState(model, client, signal);
  const figures = () => importShared<Figures>(model, "_figures");
  return { state, client, source: createSource(state, client), figures };
}

interface Hook {
  model: Model;
  signal?: AbortSignal;
}

export default () => {
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
      const theme = followTheme(el, life.signal);
      draw(h(App, { ...own, theme, abort: life.signal }), root);
      life.signal.addEventListener("abort", () => draw(null, root));
      return life.end;
    },
  };
};
