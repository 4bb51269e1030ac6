/** The licence texts of the packages inside a bundle, as those licences ask for; packages with the same text share it. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** @param {import("esbuild").Metafile} metafile @returns {Promise<string>} */
export async function licencesOf(metafile) {
  const roots = new Set(
    Object.keys(metafile.inputs).flatMap((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []),
  );
  const byText = new Map();
  for (const root of [...roots].sort()) {
    const { name, version, license } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    const text = await licenceText(root);
    const [copyrights, terms] = split(text ?? `Licence: ${license}`);
    const key = terms.replace(/['"]/g, "").replace(/\s+/g, " ").toLowerCase();
    const group = byText.get(key) ?? { terms, packages: [] };
    group.packages.push([`${name} ${version}`, ...copyrights].join("\n  "));
    byText.set(key, group);
  }
  const groups = [...byText.values()].map(({ terms, packages }) => `${packages.join("\n")}\n\n${terms}`);
  return `Contains:\n\n${groups.join("\n\n----\n\n")}`.replaceAll("*/", "* /");
}

async function licenceText(root) {
  const file = (await readdir(root)).find((name) => /^licen[cs]e/i.test(name));
  if (file) return readFile(join(root, file), "utf8");
  const readme = (await readdir(root)).find((name) => /^readme/i.test(name));
  const section = readme && /^#+ licen[cs]e\s*$([\s\S]*)/im.exec(await readFile(join(root, readme), "utf8"));
  return section?.[1];
}

const COPYRIGHT = /^Copyright\b/; // not "COPYRIGHT HOLDERS", not "the above copyright notice"
const TITLE = /^#|^\(?(the )?(mit|isc)( licen[cs]e)?( \(mit\))?\)?$/i;

function split(text) {
  const lines = text.split("\n").map((line) => line.trim());
  const copyrights = lines.filter((line) => COPYRIGHT.test(line));
  const terms = lines.filter((line) => !COPYRIGHT.test(line) && !TITLE.test(line));
  return [
    copyrights,
    terms
      .join("\n")
      .trim()
      .replace(/\n{2,}/g, "\n\n"),
  ];
}
