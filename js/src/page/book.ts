// The page's numbers, opened when they are wanted: a layer is read and unpacked once.

import { type Tokens, tokensOf } from "../layout/units";
import type { AttentionData, PageData } from "./data";
import { unpacked } from "./dense";
import { type Layer, openLayer } from "./layer";
import { openBias, openMask } from "./mask";

/** A packed part of the page, as text. */
export type Parts = (name: string) => string;

export interface Book {
  data: PageData;
  attention(name: string): AttentionData;
  /** Tokens that attend, and those attended to. */
  sides(name: string): [Tokens, Tokens];
  layer(attention: string, number: number): Promise<Layer>;
}

export function openBook(data: PageData, parts: Parts): Book {
  const layers = new Map<string, Promise<Layer>>();
  const masks = data.masks.map(openMask);
  const attention = (name: string): AttentionData => {
    const found = data.attentions[name];
    if (!found) throw new Error(`this page does not carry the attention “${name}”`);
    return found;
  };
  async function open(name: string, number: number): Promise<Layer> {
    const about = attention(name).layers.find((one) => one.number === number);
    if (!about) throw new Error(`this page does not carry layer ${number}: it was saved with other layers`);
    const mask = masks[about.mask]!;
    const bias = about.kind === "qkv" && about.bias !== null ? data.biases[about.bias] : undefined;
    try {
      const bytes = await unpacked(parts(`${about.block}`));
      return openLayer(about, bytes, mask, bias ? openBias(bias, mask.queries) : null);
    } catch (error) {
      throw new Error(`this page is damaged: layer ${number} cannot be read (${(error as Error).message})`);
    }
  }
  return {
    data,
    attention,
    sides(name) {
      const { queries, keys } = attention(name).outline;
      return [tokensOf(queries), tokensOf(keys ?? queries)];
    },
    layer(name, number) {
      const key = `${name} ${number}`;
      const known = layers.get(key);
      if (known) return known;
      const opened = open(name, number);
      layers.set(key, opened);
      return opened;
    },
  };
}

/** Called between two pieces of work; throws once nobody waits for it. */
export type Alive = (done?: number, total?: number) => Promise<void>;
