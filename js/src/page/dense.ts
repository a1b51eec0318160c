// Text of 16-bit characters → bytes; `export/dense.py` writes it. Pure.

import { fromBase64 } from "./data";

const FIRST = 0x3400;
const [BYTES, UNITS] = [15, 8]; // so many bytes are so many characters

/** Read what is written 15 bits a character. */
export function bytesIn(text: string): Uint8Array<ArrayBuffer> {
  const blocks = (text.length - 1) / UNITS;
  const short = text.charCodeAt(0) - FIRST;
  if (!Number.isInteger(blocks) || !(short >= 0 && short < BYTES)) throw new Error("a part of the page is cut off");
  const bytes = new Uint8Array(blocks * BYTES);
  let [to, held, bits] = [0, 0, 0];
  for (let at = 1; at < text.length; at++) {
    const unit = text.charCodeAt(at) - FIRST;
    if (unit < 0 || unit > 0x7fff) throw new Error("a part of the page is damaged");
    held |= unit << bits; // at most 7 + 15 bits
    bits += 15;
    while (bits >= 8) {
      bytes[to] = held;
      to += 1;
      held >>>= 8;
      bits -= 8;
    }
  }
  return bytes.subarray(0, bytes.length - short);
}

/** Read it, or base64, and unpack what gzip made of it; its checksum tells whether all is as it was. */
export async function unpacked(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = text.charCodeAt(0) < FIRST ? fromBase64(text) : bytesIn(text);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
