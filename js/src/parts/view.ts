// What a view is to the rest of the widget. Each has a folder in views/ and a line in views/registry.ts.

import type { ReadonlySignal } from "@preact/signals";
import type { ComponentType } from "preact";
import type { NumberTable } from "../layout/number-table";
import type { Context, OnScreen } from "./context";

export interface View {
  /** As in the trait `view`. */
  name: string;
  /** On its tab. */
  label: string;
  css: string;
  /** Whether it draws the scene's tiles: else none are fetched, and what is about them is put away. */
  drawsTiles: boolean;
  /** Whether it leaves out what is below the threshold. */
  hasThreshold?: boolean;
  /** Whether it takes the widget's whole width, so that the panels fold above it. */
  wide: boolean;
  /** Make what the view holds in one mounted widget. */
  create(context: Context): MountedView;
}

export interface MountedView {
  /** Null before there is anything to see. */
  onScreen: ReadonlySignal<OnScreen | null>;
  /** Whether the pixels of what is asked for now are drawn. */
  ready: ReadonlySignal<boolean>;
  /** The run whose pixels were drawn last; 0 before the first. */
  drawnRun: ReadonlySignal<number>;
  /** What it needs the kernel for, as a sentence, while that does not answer; empty if for nothing. */
  missing: ReadonlySignal<string>;
  Picture: ComponentType;
  /** Says exactly what is pointed at, or how to point. */
  Readout: ComponentType;
  /** What the picture's marks mean. */
  Legend?: ComponentType;
  /** The view's own controls: below the tabs. */
  Controls?: ComponentType;
  /** The exact numbers on screen, of a view that draws no tiles. */
  numbers?(): NumberTable | null;
  /** Of a view that does not simply draw A − B where that is chosen: what it shows, as a sentence. */
  noDifference?(): string;
  /** What Escape takes back, after what is hovered. */
  escape(): void;
}
