// A canvas in the page's flow, painted before the page is.

import { useLayoutEffect, useRef } from "preact/hooks";
import { prepare } from "../../draw/canvas";

interface Props {
  width: number;
  height: number;
  /** What the painting depends on: it is repeated when one of these is another. */
  of: readonly unknown[];
  paint(context: CanvasRenderingContext2D): void;
}

export function Canvas({ width, height, of, paint }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    if (canvas.current && width > 0) paint(prepare(canvas.current, width, height));
  }, [width, height, ...of]);
  // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a canvas takes no focus
  return <canvas class="art" ref={canvas} aria-hidden="true" />;
}
