/** A crash is no failure, and a failure no crash. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const RUNNER = fileURLToPath(new URL("run-tests.mjs", import.meta.url));
const CRASH = 'process.kill(process.pid, "SIGSEGV"); setTimeout(() => undefined, 10_000);';

/** The runner's exit code, and all that it printed, for a file of one test with this body. */
function runs(t, body) {
  const folder = mkdtempSync(join(tmpdir(), "run-tests-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "one.test.mjs");
  const imports = 'import { test } from "node:test"; import { existsSync, writeFileSync } from "node:fs";';
  writeFileSync(file, `${imports} test("one", async () => { ${body} });`);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout } = spawnSync(process.execPath, [RUNNER, file], { cwd: folder, env, encoding: "utf8" });
  return { status, stdout, again: stdout.includes("run once more") };
}

test("a file that is killed by a signal once is run again, and that is said", (t) => {
  const { status, stdout, again } = runs(t, `if (!existsSync("ran")) { writeFileSync("ran", ""); ${CRASH} }`);
  assert.deepEqual({ status, again }, { status: 0, again: true }, stdout);
});

test("one that is killed each time fails", (t) => {
  const { status, stdout, again } = runs(t, CRASH);
  assert.deepEqual({ status, again }, { status: 1, again: true }, stdout);
});

test("one with a test that fails is not run again", (t) => {
  const { status, stdout, again } = runs(t, 'throw new Error("no")');
  assert.deepEqual({ status, again }, { status: 1, again: false }, stdout);
});
