/**
 * Makes the JavaScript of dist/: the script-tag build, and of both entries an ES module and one for require() (the
 * declarations come from tsc). Fails when the script has outgrown its limits, and says what takes the room; `--sizes`
 * says it in any case.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { build } from "esbuild";
import { lean } from "./lean.mjs";
import { licencesOf } from "./licences.mjs";
import { complaintOf, roomOf, tableOf } from "./room.mjs";

/** A page waits for the compressed ones, and a phone parses the others. */
const MAX_SCRIPT = { bytes: 300_000, gzipBytes: 76_000 };

const { name, version } = JSON.parse(await readFile("package.json", "utf8"));
const common = { bundle: true, target: "es2022", logLevel: "warning" };
const title = `/*! ${name} ${version} | MIT licence */`;

await rm("dist", { recursive: true, force: true });
await mkdir("dist/cjs", { recursive: true });
await writeFile("dist/cjs/package.json", '{ "type": "commonjs" }\n');
await buildModules("src/index.ts", "index");
await buildModules("react/index.ts", "react", '"use client";\n'); // where components are rendered on a server, too
const room = await buildScript("dist/simple-peer.js");

console.log(`dist/simple-peer.js: ${room.bytes} bytes, ${room.gzipBytes} compressed`);
if (process.argv.includes("--sizes")) console.log(tableOf(room));
const complaint = complaintOf(room, MAX_SCRIPT);
if (complaint) {
  console.error(`dist/simple-peer.js ${complaint}`);
  process.exitCode = 1;
}

async function buildModules(entry, stem, directive = "") {
  const formats = { esm: `dist/${stem}.mjs`, cjs: `dist/cjs/${stem}.js` };
  for (const [format, outfile] of Object.entries(formats)) {
    await build({
      ...common,
      entryPoints: [entry],
      outfile,
      format,
      platform: "neutral",
      packages: "external",
      external: [name], // not our own sources, where tsconfig.json leads for the sake of checks
      banner: { js: directive + title },
    });
    console.log(`${outfile}: ${(await readFile(outfile)).length} bytes`);
  }
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
  const comments = { banner: { js: title }, footer: { js: `/*!\n${await licencesOf(metafile)}\n*/` } };
  const built = await build({ ...options, plugins: [lean()], ...comments });
  const [script] = built.outputFiles;
  await writeFile(outfile, script.contents);
  return roomOf(script, metafile);
}
