// Bundles the front end into one module. Style sheets travel inside it as text, so they are made small here.
//   node js/build.mjs [--watch]

import { readFile } from "node:fs/promises";
import { build, context, transform } from "esbuild";

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

const options = {
  entryPoints: ["js/src/index.ts"],
  outfile: "src/attnwidget/static/widget.js",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8", // escapes would be escaped once more on their way to the browser
  plugins: [styleSheets],
  logLevel: watch ? "info" : "warning",
  sourcemap: watch && "inline",
};

if (watch) await (await context(options)).watch();
else await build(options);
