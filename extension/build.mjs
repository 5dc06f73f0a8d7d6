// Builds extension/dist/chromium, or the folder given: `node extension/build.mjs [FOLDER]`.
//
// The folder is a function of the sources and the locked dependencies: no time, no path, no random value goes in.
// SHA256SUMS lists every other file of it; the SHA-256 of that list is the *build hash* each statement carries
// (seal/build.js), so anyone can tell which program sealed a capture: `sha256sum -c SHA256SUMS`, `sha256sum SHA256SUMS`.
import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const ENTRIES = ["background.js", "ui/popup.js", "ui/options.js"];
const STATIC = ["ui/popup.html", "ui/options.html", "ui/style.css", "_locales", "icons/16.png", "icons/32.png", "icons/48.png", "icons/128.png"];

/** @param {string} folder @returns {Promise<string[]>} every file below, sorted, slashes forward */
async function listFiles(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)).replaceAll("\\", "/")).sort();
}

/** @param {string} out */
async function writeSums(out) {
  const lines = [];
  for (const name of await listFiles(out)) {
    lines.push(`${createHash("sha256").update(await readFile(join(out, name))).digest("hex")}  ${name}\n`);
  }
  const sums = lines.join("");
  await writeFile(join(out, "SHA256SUMS"), sums);
  return createHash("sha256").update(sums).digest("hex");
}

/** @param {string} out */
async function build(out) {
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  const pkg = JSON.parse(await readFile(join(HERE, "..", "package.json"), "utf8"));
  await esbuild.build({
    absWorkingDir: HERE,
    entryPoints: ENTRIES,
    outdir: out,
    outbase: ".",
    bundle: true,
    format: "esm",
    target: ["chrome137"],
    charset: "utf8",
    legalComments: "inline",
    logLevel: "warning",
  });
  for (const name of STATIC) await cp(join(HERE, name), join(out, name), { recursive: true });
  const manifest = { ...JSON.parse(await readFile(join(HERE, "manifest.base.json"), "utf8")), version: pkg.version };
  await writeFile(join(out, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  return writeSums(out);
}

/**
 * Builds beside and then puts the folder in place, so that a browser that starts meanwhile finds the old one or the new one, never half of one;
 * a folder that is already the same is left alone.
 * @param {string} out
 */
async function replace(out) {
  const fresh = `${out}.${process.pid}.new`;
  try {
    const hash = await build(fresh);
    const [before, after] = await Promise.all([out, fresh].map((folder) => readFile(join(folder, "SHA256SUMS")).catch(() => null)));
    if (before === null || after === null || !before.equals(after)) {
      await rm(out, { recursive: true, force: true });
      await rename(fresh, out);
    }
    return hash;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

const out = resolve(process.argv[2] ?? join(HERE, "dist", "chromium"));
console.log(`extension built: ${await replace(out)}`);
