// Bundles the front end into one module, packs it, and bundles the loader that unpacks it in the browser. Style sheets
// travel inside the module as text, so they are made small here.
//   node js/build.mjs [--watch]

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { gzipAsync } from "@gfx/zopfli";
import { build, context, transform } from "esbuild";
import { minify } from "terser";

const OUT = "src/attnwidget/static";

const watch = process.argv.includes("--watch");

const styleSheets = {
  name: "style sheets",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

/** Make the bundle smaller, and pack it; one that has a loader is left as it is beside that, and the loader knows its hash. */
const packingOf = (loader, isModule = Boolean(loader)) => ({
  name: "packing",
  setup({ onEnd }) {
    onEnd(async ({ errors, outputFiles }) => {
      if (errors.length) return;
      const [{ path, contents: whole, hash }] = outputFiles;
      const contents = watch ? whole : await smaller(new TextDecoder().decode(whole), isModule);
      const packed = watch ? gzipSync(contents) : await gzipAsync(contents, { numiterations: 15 }); // 3 % smaller
      packed[9] = 255; // the header's operating system: unknown, so that the same code is the same bytes everywhere
      await mkdir(OUT, { recursive: true });
      await writeFile(`${path}.gz`, packed);
      if (!loader) return;
      await writeFile(path, contents);
      const define = { HASH: JSON.stringify(hash) };
      await build({ ...shared, entryPoints: ["js/src/loader.ts"], outfile: `${OUT}/${loader}`, define });
    });
  },
});

/** What esbuild leaves is made a few per cent smaller. */
async function smaller(code, module) {
  const { code: less } = await minify(code, {
    module,
    ecma: 2022,
    compress: { passes: 2, inline: 1, collapse_vars: false },
  });
  return new TextEncoder().encode(less);
}

const shared = {
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8", // escapes would be escaped once more on their way to the browser
  logLevel: watch ? "info" : "warning",
};

const options = {
  ...shared,
  entryPoints: ["js/src/index.ts"],
  outfile: `${OUT}/widget.js`,
  plugins: [styleSheets, packingOf("loader.js")],
  sourcemap: watch && "inline",
  write: false, // the packing plugin writes
};

// The lab, which no other widget carries.
const lab = {
  ...options,
  entryPoints: ["js/src/lab/index.ts"],
  outfile: `${OUT}/lab.js`,
  plugins: [styleSheets, packingOf("lab-loader.js")],
};

// A saved page carries the widget with what answers it, and a small script that unpacks both.
const page = {
  ...shared,
  format: "iife",
  globalName: "attnwidgetPage",
  entryPoints: ["js/src/page/index.ts"],
  outfile: `${OUT}/page.js`,
  plugins: [styleSheets, packingOf(null)],
  write: false,
};
const boot = { ...shared, format: "iife", entryPoints: ["js/src/page/boot.ts"], outfile: `${OUT}/boot.js` };

// The widget manager of a notebook's page, alone.
const notebook = {
  ...shared,
  format: "iife",
  entryPoints: ["js/src/notebook/index.ts"],
  outfile: `${OUT}/notebook.js`,
};

// What the kernel draws figures with, in a JavaScript engine of its own.
const figure = {
  ...shared,
  format: "iife",
  globalName: "attnwidget",
  entryPoints: ["js/src/figure/kernel.ts"],
  outfile: `${OUT}/figure.js`,
};

// What a saved notebook draws figures with, where no kernel does. It travels beside the widget's own code.
const figures = {
  ...shared,
  entryPoints: ["js/src/page/files.ts"],
  outfile: `${OUT}/figures.js`,
  plugins: [styleSheets, packingOf(null, true)],
  write: false,
};

for (const one of [options, lab, page, boot, notebook, figure, figures]) {
  if (watch) await (await context(one)).watch();
  else await build(one);
}
