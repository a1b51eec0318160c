// Code that travels packed: gzip, in base64 within a state, or as bytes in a reply.

export type Packed = string | ArrayBufferView<ArrayBuffer>;

export async function importPacked<Module>(packed: Packed): Promise<Module> {
  const bytes = typeof packed === "string" ? Uint8Array.from(atob(packed), (char) => char.charCodeAt(0)) : packed;
  const code = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const url = URL.createObjectURL(await new Response(code, { headers: { "content-type": "text/javascript" } }).blob());
  return import(url).finally(() => URL.revokeObjectURL(url));
}
