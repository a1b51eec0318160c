// Files of what is on screen, as the page makes them itself: figures by the code that the kernel draws them with.

import { figureOf, type Given, type Options } from "../figure";
import type { Format } from "../panels/save/files";
import type { Context, Look } from "../parts/context";
import { SELECTION, type Selection } from "../wire/schema";

const DENSITY = 2; // pixels a px

/** A figure of what is on screen; null for what is no picture: numbers are there anyway, the rest takes a kernel. */
export async function fileHere(context: Context, format: Format, look: Look): Promise<BlobPart | null> {
  if (format !== "svg" && format !== "png") return null;
  const svg = figureOf(givenOf(context), { ...look, width: look.width ?? null } as Options, encode);
  return format === "svg" ? svg : painted(svg);
}

function givenOf({ state, scene, categories, pinned, inSight }: Context): Given {
  const { outline, pictures, breakdown, effects } = state.kernel;
  const { queries, keys } = state.traits;
  if (!outline.value) throw new Error("There is nothing to save yet.");
  const side = keys.value.length > 0 && queries.value.length === 0 ? "key" : "query";
  const rows = inSight.value?.rows;
  return {
    outline: outline.value,
    selection: Object.fromEntries(SELECTION.map((name) => [name, state.traits[name].value])) as unknown as Selection,
    categories: categories.now.value,
    scene: scene.value,
    found: rows ? { side, rows } : null,
    profile: pinned.value,
    pictures: pictures.value,
    breakdown: breakdown.value,
    effects: effects.value,
  };
}

const canvasOf = (width: number, height: number) => Object.assign(document.createElement("canvas"), { width, height });

/** Pixels as the address of a PNG. */
function encode(pixels: Uint8ClampedArray, width: number, height: number): string {
  const canvas = canvasOf(width, height);
  canvas.getContext("2d")?.putImageData(new ImageData(new Uint8ClampedArray(pixels), width, height), 0, 0);
  return canvas.toDataURL();
}

async function painted(svg: string): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = canvasOf(image.naturalWidth * DENSITY, image.naturalHeight * DENSITY);
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done));
  if (!blob) throw new Error("The figure is too large for a PNG: save the SVG.");
  return blob;
}
