// All panels, in the order in which they stand in their places.

import type { Panel } from "../parts/panel";
import { asked } from "./ask/bar";
import { attention } from "./attention";
import { categories } from "./categories/panel";
import { compareBar } from "./compare/bar";
import { compareButton } from "./compare/button";
import { compareForm } from "./compare/form";
import { headsApart } from "./compare/heads";
import { controls } from "./controls/controls";
import { findBar } from "./find/bar";
import { findButton } from "./find/button";
import { headPicker } from "./heads/picker";
import { headRanking } from "./heads/ranking";
import { selectedHeads } from "./heads/selected-heads";
import { strongestPairs } from "./heads/strongest-pairs";
import { leaveOut } from "./leave-out";
import { otherMask } from "./mask/banner";
import { maskButton } from "./mask/button";
import { maskEditor } from "./mask/editor";
import { measure, measureMeaning } from "./measure";
import { nextButton } from "./next/button";
import { nextTokens } from "./next/next-tokens";
import { unchanged } from "./next/unchanged";
import { numbers } from "./numbers";
import { headsOff } from "./off";
import { saveMenu } from "./save/menu";
import { examples } from "./text/examples";
import { modelLine } from "./text/model-line";
import { notices } from "./text/notices";
import { prompt } from "./text/prompt";
import { where } from "./where/panel";
import { written } from "./written/slider";

export const PANELS: Panel[] = [
  prompt,
  examples,
  compareButton,
  saveMenu,
  notices,
  findButton,
  nextButton,
  maskButton,
  leaveOut,
  measure,
  asked,
  compareBar,
  measureMeaning,
  unchanged,
  written,
  headsOff,
  otherMask,
  maskEditor,
  nextTokens,
  attention,
  findBar,
  compareForm,
  where,
  headPicker,
  headRanking,
  headsApart,
  selectedHeads,
  strongestPairs,
  numbers,
  categories,
  modelLine,
  controls,
];
