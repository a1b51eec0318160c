// Whether what a host hands over can be what the kernel once wrote: a file may have been cut, edited, or be of another
// version. What is wrong inside is found where it is read.

const SIZES: Record<string, number> = { float32: 4, int32: 4, uint16: 2, uint8: 1 };

/** Whether a state is an object, with as many bytes as its shape says. */
export function isWhole(value: unknown): boolean {
  const { dtype, shape, data } = (value ?? {}) as Record<string, unknown>;
  if (!data) return typeof value === "object" && value !== null;
  const count = Array.isArray(shape) ? shape.reduce((product, size) => product * size, 1) : Number.NaN;
  return (data as ArrayBufferView).byteLength === count * (SIZES[dtype as string] ?? Number.NaN);
}

/** Whether each of some values is there. */
export const areThere = (values: unknown[]): boolean => values.every((one) => one !== undefined && one !== null);
