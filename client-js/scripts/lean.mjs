/**
 * Leaves out of the script-tag build what mediasoup-client brings along for others than browsers: its handler for React
 * Native, what only its own tests need, and its logs, which say nothing unless asked. In the npm package
 * mediasoup-client is a dependency like any other, with all that.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const WITH_LOGS = /node_modules[\\/](?:mediasoup-client|h264-profile-level-id|awaitqueue)[\\/]lib[\\/].*\.js$/;
const LOGGER_IMPORT = /^const Logger_1 = require\("[./]+Logger"\);$/m;
const LOGGER = /^const \w*[lL]ogger = new Logger_1\.Logger\(.*\);$/m;
const LOG = /\b\w*[lL]ogger\.(?:debug|warn|error)\b/g;
const NO_REACT_NATIVE = `exports.ReactNative106 = {
  createFactory() { throw new TypeError("handlerName ReactNative106 is in the npm package only"); }
};`;

/** @returns {import("esbuild").Plugin} */
export function lean() {
  const library = dirname(createRequire(import.meta.url).resolve("mediasoup-client"));
  const idle = new Set(["entry", "version", "React Native", "logs"]);
  return {
    name: "lean",
    setup(build) {
      build.onResolve({ filter: /^mediasoup-client$/ }, () => {
        idle.delete("entry");
        return { path: join(library, "Device.js") };
      });
      build.onResolve({ filter: /^\.\.\/\.\.\/$/ }, ({ resolveDir }) => {
        if (!resolveDir.startsWith(library)) return undefined;
        idle.delete("version"); // all that one of its modules wants of the entry
        return { path: "version", namespace: "lean" };
      });
      build.onLoad({ filter: /./, namespace: "lean" }, async () => {
        const { version } = JSON.parse(await readFile(join(library, "..", "package.json"), "utf8"));
        return { contents: `exports.version = ${JSON.stringify(version)};` };
      });
      build.onLoad({ filter: /ReactNative106\.js$/ }, () => {
        idle.delete("React Native");
        return { contents: NO_REACT_NATIVE };
      });
      build.onLoad({ filter: WITH_LOGS }, async ({ path }) => {
        const source = await readFile(path, "utf8");
        if (!LOGGER.test(source)) return undefined;
        idle.delete("logs");
        const silent = "function silent() {}"; // calls of an empty function are left out
        return { contents: source.replace(LOGGER_IMPORT, "").replace(LOGGER, silent).replace(LOG, "silent") };
      });
      build.onEnd(() => {
        const text = `scripts/lean.mjs does not know this mediasoup-client: no ${[...idle].join(", no ")}`;
        return idle.size > 0 ? { errors: [{ text }] } : {};
      });
    },
  };
}
