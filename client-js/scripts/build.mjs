/** Makes dist/: the script-tag build and the ES module (declarations come from tsc). Fails when the former is too big. */
import { readFile, rm } from "node:fs/promises";
import { build } from "esbuild";
import { licencesOf } from "./licences.mjs";

const MAX_SCRIPT_BYTES = 320_000;

const { name, version } = JSON.parse(await readFile("package.json", "utf8"));
const common = { bundle: true, target: "es2022", logLevel: "warning", metafile: true };
const banner = { js: `/*! ${name} ${version} | MIT licence */` };

await rm("dist", { recursive: true, force: true });

const scriptOptions = {
  ...common,
  entryPoints: ["src/script-tag.ts"],
  outfile: "dist/simple-peer.js",
  format: "iife",
  platform: "browser",
  minify: true,
  legalComments: "none", // all licences are in the footer
  define: { "process.env.NODE_ENV": '"production"' },
};
const { metafile } = await build({ ...scriptOptions, write: false });
const footer = { js: `/*!\n${await licencesOf(metafile)}\n*/` };
await build({ ...scriptOptions, banner, footer });

await build({
  ...common,
  entryPoints: ["src/index.ts"],
  outfile: "dist/index.mjs",
  format: "esm",
  platform: "neutral",
  packages: "external",
  banner,
});

for (const file of ["dist/simple-peer.js", "dist/index.mjs"]) {
  console.log(`${file}: ${(await readFile(file)).length} bytes`);
}
const scriptBytes = (await readFile("dist/simple-peer.js")).length;
if (scriptBytes > MAX_SCRIPT_BYTES) {
  console.error(`dist/simple-peer.js is larger than ${MAX_SCRIPT_BYTES} bytes: what did it take in?`);
  process.exit(1);
}
