// All style sheets of the widget: the frame's, then those that panels and views bring.

import { PANELS } from "../panels/registry";
import parts from "../parts/parts.css";
import { VIEWS } from "../views/registry";
import frame from "./frame.css";
import theme from "./theme.css";

export const css = [
  theme,
  parts,
  frame,
  ...PANELS.map((panel) => panel.css ?? ""),
  ...VIEWS.map((view) => view.css),
].join("");
