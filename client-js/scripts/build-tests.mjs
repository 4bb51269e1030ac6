/** Bundles each test with the sources it looks at, packages left outside, so that `node --test` can run it. */
import { readdir, rm } from "node:fs/promises";
import { build } from "esbuild";

await rm("build/test", { recursive: true, force: true });
await build({
  entryPoints: (await readdir("test")).filter((name) => /\.test\.tsx?$/.test(name)).map((name) => `test/${name}`),
  outdir: "build/test",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  packages: "external",
  format: "esm",
  platform: "node",
  target: "node20",
  sourcemap: "inline",
  logLevel: "warning",
});
