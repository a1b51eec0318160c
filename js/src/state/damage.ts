// Whether what a state holds can be what the kernel once wrote: a file may have been cut, edited, or be of another
// version.

import { SHAPES } from "../wire/schema";

const SIZES: Record<string, number> = { float32: 4, int32: 4, uint16: 2, uint8: 1 };
const KINDS: Record<string, string> = { n: "number", s: "string", b: "boolean" };

/** Whether a value has all fields of a struct of the schema, each of its kind, and as many bytes as its shape says. */
export function isWhole(value: unknown, struct: string): boolean {
  if (typeof value !== "object" || value === null) return false;
  const fields = value as Record<string, unknown>;
  return fieldsOf(struct).every(([name, kind]) => fits(fields[name], kind)) && hasItsBytes(fields);
}

/** A struct's fields, and in the place of each that is not of its kind something that is. */
export function mended(values: Record<string, unknown>, struct: string): Record<string, unknown> {
  const blank = (kind: string) => (kind[0] === "?" ? null : kind[0] === "[" ? [] : { n: 0, s: "", b: false }[kind]);
  const wrong = fieldsOf(struct).filter(([name, kind]) => !fits(values[name], kind));
  return { ...values, ...Object.fromEntries(wrong.map(([name, kind]) => [name, blank(kind)])) };
}

const fieldsOf = (struct: string) => (SHAPES[struct]?.split(" ").map((field) => field.split(":")) ?? []) as Field[];
type Field = [name: string, kind: string];

function fits(value: unknown, kind: string): boolean {
  const inner = kind.slice(1);
  if (kind[0] === "?") return value === null || fits(value, inner);
  if (kind[0] === "[") return Array.isArray(value) && (inner === "" || value.every((one) => fits(one, inner)));
  if (kind === "d") return value instanceof ArrayBuffer || ArrayBuffer.isView(value);
  if (kind === "") return true;
  const simple = KINDS[kind];
  return simple ? simple === typeof value : isWhole(value, kind);
}

function hasItsBytes({ dtype, shape, data }: Record<string, unknown>): boolean {
  if (!dtype || !data) return true;
  const count = (shape as number[]).reduce((product, size) => product * size, 1);
  return (data as ArrayBufferView).byteLength === count * (SIZES[dtype as string] ?? Number.NaN);
}
