// Arrays as they arrive → typed arrays.

import type { Envelope } from "./schema";

const TYPES = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array, uint16: Uint16Array } as const;

export interface Decoded<T> {
  shape: number[];
  values: T;
}

/**
 * Read an array out of a buffer. Hosts hand over a DataView or a Uint8Array into a larger buffer (respect its offset),
 * not always aligned to the element size (copy then).
 */
export function decodeArray<K extends Envelope["dtype"]>(
  envelope: Envelope & { dtype: K },
): Decoded<InstanceType<(typeof TYPES)[K]>> {
  const { dtype, shape, data } = envelope;
  const type = TYPES[dtype];
  if (!type) throw new Error(`unknown element type ${dtype}`);
  const bytes =
    data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const count = shape.reduce((product, size) => product * size, 1);
  if (bytes.byteLength !== count * type.BYTES_PER_ELEMENT) {
    throw new Error(`${bytes.byteLength} bytes do not make ${dtype} of shape ${shape.join(" × ")}`);
  }
  const aligned = bytes.byteOffset % type.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
  const values = new type(aligned.buffer as ArrayBuffer, aligned.byteOffset, count);
  return { shape, values: values as InstanceType<(typeof TYPES)[K]> };
}
