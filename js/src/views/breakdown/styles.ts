// The breakdown's style sheets.

import beside from "./beside.css";
import controls from "./controls.css";
import detail from "./detail.css";
import formula from "./formula.css";
import headOutputs from "./head-outputs.css";
import pipeline from "./pipeline.css";
import readout from "./readout.css";
import table from "./table.css";
import whatIf from "./what-if.css";

export const css = [controls, pipeline, formula, table, beside, detail, headOutputs, whatIf, readout].join("");
