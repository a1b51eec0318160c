// The lab's style sheets: what it shares with the widget's frame, then its own.

import frame from "../frame/frame.css";
import theme from "../frame/theme.css";
import text from "../panels/text/text.css";
import parts from "../parts/parts.css";
import board from "./board.css";
import detail from "./detail.css";
import flash from "./flash.css";

export const css = [theme, parts, frame, text, board, detail, flash].join("");
