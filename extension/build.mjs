// Builds extension/dist/chromium and extension/dist/firefox, or one into the folder given: `node extension/build.mjs [FOLDER [chromium|firefox]]`.
//
// The folder is a function of the sources and the locked dependencies: no time, no path, no random value goes in.
// SHA256SUMS lists every other file of it; the SHA-256 of that list is the *build hash* each statement carries
// (seal/build.js), so anyone can tell which program sealed a capture: `sha256sum -c SHA256SUMS`, `sha256sum SHA256SUMS`.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const SUMS = "SHA256SUMS";
const ENTRIES = ["background.js", "ui/popup.js", "ui/options.js", "ui/batch.js", "ui/queue.js", "ui/seen.js"];
const STATIC = ["ui/popup.html", "ui/options.html", "ui/batch.html", "ui/batch.css", "ui/queue.html", "ui/seen.html", "ui/seen.css", "ui/style.css", "ui/forms.css", "_locales", "icons/16.png", "icons/32.png", "icons/48.png", "icons/128.png"];

/** What the one source becomes in each browser: the oldest version it runs in, and its manifest out of the common one. */
const BROWSERS = {
  chromium: { target: "chrome137", manifest: (/** @type {any} */ base) => base, define: {}, plugins: [] },
  firefox: { target: "firefox140", manifest: firefoxManifest, define: { "chrome.debugger": "undefined" }, plugins: [{ name: "firefox", setup: useFirefoxCapture }] },
};

/** @param {any} base @returns {any} Source: MDN, browser_specific_settings; Firefox runs event pages and has no debugger for extensions */
function firefoxManifest({ key, minimum_chrome_version, permissions, ...base }) {
  return {
    ...base,
    permissions: [...permissions.filter((/** @type {string} */ name) => name !== "debugger"), "webRequestBlocking", "webRequestFilterResponse",
      "webRequestFilterResponse.serviceWorkerScript"],
    background: { scripts: [base.background.service_worker], type: "module" },
    browser_specific_settings: { gecko: { id: "holdstill@holdstill.local", strict_min_version: "140.0",
      data_collection_permissions: { required: ["websiteContent", "browsingActivity"] } } },
  };
}

/** @param {import("esbuild").PluginBuild} build */
function useFirefoxCapture(build) {
  build.onResolve({ filter: /\/thisbrowser\.js$/ }, () => ({ path: join(HERE, "capture", "firefox", "thisbrowser.js") }));
}

/** @param {string} folder @returns {Promise<string[]>} every file below, sorted, slashes forward */
async function listFiles(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)).replaceAll("\\", "/")).sort();
}

/** @param {string} folder @returns {Promise<string>} the text of its SHA256SUMS, from the files as they are */
async function sumsOf(folder) {
  const lines = [];
  for (const name of await listFiles(folder)) {
    if (name !== SUMS) lines.push(`${createHash("sha256").update(await readFile(join(folder, name))).digest("hex")}  ${name}\n`);
  }
  return lines.join("");
}

/** @param {string} out @param {keyof typeof BROWSERS} browser @returns {Promise<string>} the text of its SHA256SUMS */
async function build(out, browser) {
  const { target, plugins, define, manifest: manifestOf } = BROWSERS[browser];
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
    target: [target],
    plugins,
    define,
    charset: "utf8",
    legalComments: "inline",
    logLevel: "warning",
  });
  for (const name of STATIC) await cp(join(HERE, name), join(out, name), { recursive: true });
  const manifest = { ...manifestOf(JSON.parse(await readFile(join(HERE, "manifest.base.json"), "utf8"))), version: pkg.version };
  await writeFile(join(out, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  const sums = await sumsOf(out);
  await writeFile(join(out, SUMS), sums);
  return sums;
}

/**
 * Builds beside and then puts the folder in place, so that a browser that starts meanwhile finds the old one or the new one, never half of one;
 * a folder that is already the same is left alone.
 * @param {string} out @param {keyof typeof BROWSERS} browser
 */
async function replace(out, browser) {
  const fresh = `${out}.${process.pid}.new`;
  try {
    const sums = await build(fresh, browser);
    if (!existsSync(join(out, SUMS)) || (await sumsOf(out)) !== sums) {
      await rm(out, { recursive: true, force: true });
      await rename(fresh, out);
    }
    return createHash("sha256").update(sums).digest("hex");
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

const [folder, browser = "chromium"] = process.argv.slice(2);
const wanted = folder === undefined ? Object.keys(BROWSERS) : [browser];
for (const name of wanted) {
  if (!(name in BROWSERS)) throw new Error(`no such browser: ${name}`);
  const known = /** @type {keyof typeof BROWSERS} */ (name);
  console.log(`extension built for ${name}: ${await replace(resolve(folder ?? join(HERE, "dist", name)), known)}`);
}
