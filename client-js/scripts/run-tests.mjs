/**
 * Runs the given test files. libwebrtc for Node ends a process with a segmentation fault now and then (its
 * `RTCDataChannel.send` uses a channel that its own thread has just closed); so a file whose process was killed by a
 * signal is run again, up to four times, and that is said. A test that fails, fails.
 *
 *     node scripts/run-tests.mjs build/test/data.test.mjs …
 */
import { run } from "node:test";
import { spec } from "node:test/reporters";

const KILLED = /^SIG(SEGV|ABRT|BUS|ILL)$/;
const RUN_AGAIN = 4;

/** The files whose processes were killed, and whether anything else failed. */
async function runFiles(files) {
  const killed = new Set();
  let failed = false;
  const events = run({ files, forceExit: true, concurrency: true });
  events.on("test:fail", ({ name, details, todo, skip }) => {
    if (todo || skip) return;
    if (KILLED.test(details.error.signal)) killed.add(name);
    else failed = true;
  });
  const report = events.compose(new spec());
  report.pipe(process.stdout);
  await new Promise((resolve) => report.on("end", resolve));
  return { killed: [...killed], failed };
}

const files = process.argv.slice(2);
if (files.length === 0) throw new Error("node scripts/run-tests.mjs FILE…: name the files to run");
let { killed, failed } = await runFiles(files);
for (let again = 0; again < RUN_AGAIN && killed.length > 0; again++) {
  console.log(`\nkilled by a signal, and run once more: ${killed.join(", ")}`);
  const last = await runFiles(killed);
  killed = last.killed;
  failed ||= last.failed;
}
process.exit(failed || killed.length > 0 ? 1 : 0);
