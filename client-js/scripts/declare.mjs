/** Makes the declarations of dist/ with tsc, and puts them beside what require() gets, too: there they mean that. */
import { spawnSync } from "node:child_process";
import { copyFile, mkdir, readdir } from "node:fs/promises";

const tsc = "node_modules/typescript/bin/tsc";
for (const project of ["tsconfig.build.json", "react/tsconfig.build.json"]) {
  const { status } = spawnSync(process.execPath, [tsc, "-p", project], { stdio: "inherit" }); // the second reads the first
  process.exitCode ||= status ?? 1;
}
for (const part of ["", "react/"]) {
  await mkdir(`dist/cjs/${part}`, { recursive: true });
  const declarations = (await readdir(`dist/${part}`)).filter((name) => name.endsWith(".d.ts"));
  await Promise.all(declarations.map((name) => copyFile(`dist/${part}${name}`, `dist/cjs/${part}${name}`)));
}
