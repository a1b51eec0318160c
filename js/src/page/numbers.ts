// Tensors in few bits, as `export/quantise.py` writes them. Pure.

const OCTAVE = 4; // steps are powers of 2^(1/4)

/** A tensor of (blocks, dimensions, entries); a block is read when it is wanted. */
export interface Packed {
  /** One block, (entries, dimensions). */
  read(block: number): Float32Array;
  /** Where the next tensor begins. */
  end: number;
}

export function openPacked(bytes: Uint8Array, start: number, blocks: number, dims: number, entries: number): Packed {
  const rows = blocks * dims;
  const all = rows * entries;
  let at = start;
  const take = (length: number) => {
    at += length;
    if (at > bytes.length) throw new Error("numbers are missing");
    return bytes.subarray(at - length, at);
  };
  const exponents = new Int8Array(take(rows).slice().buffer);
  const offsets = take(4 * rows);
  const low = take(rows);
  const high = take(all);
  const beyond = take(2 * all);
  const starts: number[] = [];
  for (let block = 0; block < blocks; block++) {
    starts.push(at);
    const own = low.subarray(block * dims, (block + 1) * dims);
    for (let bit = 0; bit < Math.max(0, ...own); bit++) {
      take(Math.ceil((own.reduce((sum, bits) => sum + (bits > bit ? 1 : 0), 0) * entries) / 8));
    }
  }
  const byte = (planes: Uint8Array, count: number, plane: number, of: number) => planes[plane * count + of] as number;

  function read(block: number): Float32Array {
    const counts = new Int32Array(dims * entries);
    const first = block * dims;
    for (let dim = 0; dim < dims; dim++) {
      for (let entry = 0; entry < entries; entry++) {
        const of = (first + dim) * entries + entry;
        const top = (byte(beyond, all, 0, of) | (byte(beyond, all, 1, of) << 8)) << 16; // with its sign
        counts[dim * entries + entry] = ((high[of] as number) + (top >> 8) - 128) << (low[first + dim] as number);
      }
    }
    let from = starts[block] as number;
    const most = Math.max(0, ...low.subarray(first, first + dims));
    for (let bit = 0; bit < most; bit++) {
      let place = 0;
      for (let dim = 0; dim < dims; dim++) {
        if ((low[first + dim] as number) <= bit) continue;
        for (let entry = 0; entry < entries; entry++, place++) {
          if (((bytes[from + (place >> 3)] as number) >> (place & 7)) & 1) counts[dim * entries + entry]! |= 1 << bit;
        }
      }
      from += Math.ceil(place / 8);
    }
    const numbers = new Float32Array(dims * entries);
    for (let dim = 0; dim < dims; dim++) {
      const row = first + dim;
      const offset = [0, 1, 2, 3].reduce((sum, plane) => sum | (byte(offsets, rows, plane, row) << (8 * plane)), 0);
      const step = 2 ** ((exponents[row] as number) / OCTAVE);
      for (let entry = 0; entry < entries; entry++) {
        numbers[entry * dims + dim] = ((counts[dim * entries + entry] as number) + offset) * step;
      }
    }
    return numbers;
  }
  return { read, end: at };
}

export const normsBytes = (heads: number, keys: number): number => 8 * heads + 2 * heads * keys;

/** What the measure "norms" multiplies weights with, (heads, keys), as `export/norms.py` writes it. */
export function readNorms(bytes: Uint8Array, start: number, heads: number, keys: number): Float32Array {
  const ends = new Float32Array(bytes.slice(start, start + 8 * heads).buffer);
  const codes = bytes.subarray(start + 8 * heads, start + 8 * heads + 2 * heads * keys);
  if (codes.length < 2 * heads * keys) throw new Error("numbers are missing");
  return Float32Array.from({ length: heads * keys }, (_, at) => {
    const code = (codes[at] as number) | ((codes[heads * keys + at] as number) << 8);
    const [least, most] = [ends[2 * Math.floor(at / keys)] as number, ends[2 * Math.floor(at / keys) + 1] as number];
    return code === 0 ? 0 : Math.exp(least + ((code - 1) / 65534) * Math.max(most - least, 1e-6));
  });
}
