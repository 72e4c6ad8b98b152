// Writes the scripts that are read into scalarloss/live/static, or into $BUNDLE: for a notebook
// all figures in one module; for a page what all figures share, and each figure by itself, so that
// the first one answers before the others have come.

import { readFile, readdir } from "node:fs/promises";
import { basename } from "node:path";
import { build } from "esbuild";

const out = process.env.BUNDLE ?? "scalarloss/live/static";
const common = { bundle: true, minify: true, target: "es2022", charset: "utf8", logLevel: "warning" };
const classic = { ...common, format: "iife", loader: { ".css": "empty" } };

const page = await readFile("js/page.js", "utf8");
const shared = [...page.matchAll(/^export \* as (\w+) from/gm)].map((found) => found[1]);
const fromPage = {
  name: "what the page's first script holds",
  setup({ onResolve, onLoad }) {
    const filter = new RegExp(`/(${shared.join("|")})\\.js$`);
    const namespace = "shared";
    onResolve({ filter }, ({ path, kind }) => (kind === "entry-point" ? null : { path: basename(path, ".js"), namespace }));
    onLoad({ filter: /./, namespace }, ({ path }) => ({ contents: `module.exports = liveShared.${path}` }));
  },
};

await build({ ...common, format: "esm", entryPoints: ["js/figures.js"], outdir: out });
await build({ ...classic, entryPoints: ["js/page.js"], outfile: `${out}/page/live.js`, globalName: "liveShared" });
for (const file of (await readdir("js/figures")).filter((name) => name.endsWith(".js"))) {
  const kind = basename(file, ".js").replaceAll("_", "-");
  const globalName = `liveFigures["${kind}"]`;
  await build({ ...classic, entryPoints: [`js/figures/${file}`], outfile: `${out}/page/figures/${kind}.js`, globalName, plugins: [fromPage] });
}
