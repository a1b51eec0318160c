// The anywidget module. Wiring only: a model's session, and a view of it.
//
// The loader imports it once for each page, so all widgets share what stands at the top level of any module here: only
// constants, and what is made anew at each use or is the same for everybody (draw/strips.ts keeps a scratch canvas and
// the colour ramps). What belongs to a model or to a view is made in these hooks.

import { h } from "preact";
import { App } from "./frame/app";
import { css } from "./frame/styles";
import { createChannel, createHooks, importShared, type Model } from "./host";
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

export default createHooks(createSession, (session, theme, abort) => h(App, { ...session, theme, abort }), css);
