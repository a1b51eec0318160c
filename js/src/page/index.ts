// A saved page: the widget on a model of its own. Built alone, with the widget in it, and started by `boot.ts`.

import type { Model } from "../host";
import widget from "../index";
import { here } from "../panels/save/files";
import { openBook, type Parts } from "./book";
import { fromBase64, type PageData } from "./data";
import { unpacked } from "./dense";
import { fileHere } from "./files";
import { createModel } from "./model";

/** Draw the page; rejects if its data cannot be read. */
export async function open(parts: Parts, el: HTMLElement): Promise<Model> {
  const text = new TextDecoder().decode(await unpacked(parts("states")));
  // the bytes of arrays
  const data = JSON.parse(text, (name, value) =>
    name === "data" && typeof value === "string" ? fromBase64(value) : value,
  ) as PageData;
  const model = createModel(openBook(data, parts));
  here.make = fileHere;
  const hooks = widget();
  hooks.initialize({ model });
  hooks.render({ model, el });
  return model;
}
