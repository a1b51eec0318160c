// The lab's anywidget module: variants of attention side by side. Wiring only, as the widget's own in ../index.ts.

import { h } from "preact";
import { createChannel, createHooks, type Model } from "../host";
import { type Client, createClient } from "../wire/client";
import { App } from "./app";
import { createLab, type Lab } from "./state";
import { css } from "./styles";

interface Session {
  lab: Lab;
  client: Client;
}

function createSession(model: Model, signal: AbortSignal): Session {
  const client = createClient(createChannel(model, signal), signal);
  return { client, lab: createLab(model, client, signal) };
}

export default createHooks(createSession, (session, theme) => h(App, { ...session, theme }), css);
