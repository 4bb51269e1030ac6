/** How much room a bundle takes, and what takes it. */
import { gzipSync } from "node:zlib";

/**
 * @param {import("esbuild").OutputFile} file
 * @param {import("esbuild").Metafile} metafile
 * @returns {{bytes: number, gzipBytes: number, parts: [name: string, bytes: number][]}} parts: packages, and our own
 *   sources one by one, the largest first
 */
export function roomOf(file, metafile) {
  const [{ inputs }] = Object.values(metafile.outputs);
  const parts = new Map();
  for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? path;
    parts.set(name, (parts.get(name) ?? 0) + bytesInOutput);
  }
  return {
    bytes: file.contents.length,
    gzipBytes: gzipSync(file.contents, { level: 9 }).length,
    parts: [...parts].filter(([, bytes]) => bytes > 0).sort(([, one], [, other]) => other - one),
  };
}

/** @returns one line for each part, and one for what is left over: the licences and the wrapping */
export function tableOf({ bytes, parts }) {
  const rest = bytes - parts.reduce((sum, [, part]) => sum + part, 0);
  return [...parts, ["licences, wrapping", rest]]
    .map(([name, part]) => `${String(part).padStart(8)}  ${name}`)
    .join("\n");
}

/** @returns which limits it has outgrown, and what takes the room; "" when none */
export function complaintOf(room, limits) {
  const outgrown = Object.entries(limits).filter(([measure, limit]) => room[measure] > limit);
  if (outgrown.length === 0) return "";
  const text = outgrown.map(([measure, limit]) => `${room[measure]} > ${limit} ${measure}`).join(", ");
  return `has outgrown its limits, ${text}:\n${tableOf(room)}`;
}
