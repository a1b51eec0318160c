// The breakdown's style sheets.

import controls from "./controls.css";
import detail from "./detail.css";
import formula from "./formula.css";
import headOutputs from "./head-outputs.css";
import readout from "./readout.css";
import table from "./table.css";
import whatIf from "./what-if.css";

export const css = [controls, formula, table, detail, headOutputs, whatIf, readout].join("");
