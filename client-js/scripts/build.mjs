/**
 * Makes dist/: the script-tag build and the ES module (declarations come from tsc). Fails when the former has outgrown
 * its limits, and says what takes the room; `--sizes` says it in any case.
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { build } from "esbuild";
import { lean } from "./lean.mjs";
import { licencesOf } from "./licences.mjs";
import { roomOf, tableOf } from "./room.mjs";

/** A page waits for the compressed ones, and a phone parses the others. */
const MAX_SCRIPT = { bytes: 300_000, gzipBytes: 76_000 };

const { name, version } = JSON.parse(await readFile("package.json", "utf8"));
const common = { bundle: true, target: "es2022", logLevel: "warning" };
const banner = { js: `/*! ${name} ${version} | MIT licence */` };

await rm("dist", { recursive: true, force: true });
await build({
  ...common,
  entryPoints: ["src/index.ts"],
  outfile: "dist/index.mjs",
  format: "esm",
  platform: "neutral",
  packages: "external",
  banner,
});
const room = await buildScript("dist/simple-peer.js");

console.log(`dist/index.mjs: ${(await readFile("dist/index.mjs")).length} bytes`);
console.log(`dist/simple-peer.js: ${room.bytes} bytes, ${room.gzipBytes} compressed`);
if (process.argv.includes("--sizes")) console.log(tableOf(room));
for (const [measure, limit] of Object.entries(MAX_SCRIPT)) {
  if (room[measure] <= limit) continue;
  console.error(
    `dist/simple-peer.js has outgrown its limit, ${room[measure]} > ${limit} ${measure}:\n${tableOf(room)}`,
  );
  process.exitCode = 1;
}

/** @returns {Promise<ReturnType<typeof roomOf>>} */
async function buildScript(outfile) {
  const options = {
    ...common,
    entryPoints: ["src/script-tag.ts"],
    outfile,
    format: "iife",
    platform: "browser",
    minify: true,
    metafile: true,
    write: false,
    legalComments: "none", // all licences are in the footer
    define: { "process.env.NODE_ENV": '"production"' },
  };
  const { metafile } = await build({ ...options, plugins: [lean()] });
  const footer = { js: `/*!\n${await licencesOf(metafile)}\n*/` };
  const {
    outputFiles: [script],
  } = await build({ ...options, plugins: [lean()], banner, footer });
  await writeFile(outfile, script.contents);
  return roomOf(script, metafile);
}
