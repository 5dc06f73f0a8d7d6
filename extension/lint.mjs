// Runs web-ext's linter over both built extensions and fails on anything it finds but what EXPECTED explains: `npm run lint`.
// The linter judges by Firefox's rules; one of the builds is for Chromium.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

/** @typedef {{code: string, about?: RegExp, why: string}} Expected */
/** @type {Record<"chromium" | "firefox", Expected[]>} */
const EXPECTED = { chromium: [
  { code: "BACKGROUND_SERVICE_WORKER_NOFALLBACK", why: "Firefox runs event pages, Chromium runs service workers" },
  { code: "ADDON_ID_REQUIRED", why: "the id comes from the manifest's key" },
  { code: "MISSING_DATA_COLLECTION_PERMISSIONS", why: "a key of Firefox's store" },
  { code: "MANIFEST_PERMISSIONS", about: /"debugger"/, why: "Chromium's way to read a page as it was received" },
  { code: "UNSUPPORTED_API", about: /^debugger\./, why: "the same" },
], firefox: [
  { code: "KEY_FIREFOX_ANDROID_UNSUPPORTED_BY_MIN_VERSION", why: "the extension is not offered for Android" },
] };
const PROGRAM = fileURLToPath(new URL("../node_modules/.bin/web-ext", import.meta.url));

/** @param {string} folder @returns {Promise<any>} the linter's report */
function lint(folder) {
  const args = ["lint", "--source-dir", folder, "--no-config-discovery", "--output", "json", "--boring"];
  return new Promise((resolve, reject) => {
    // The linter ends with 1 when it found something: its answer is what counts.
    execFile(PROGRAM, args, { maxBuffer: 1 << 26 }, (_error, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout));
      } catch (cause) {
        reject(new Error(`web-ext gave no report: ${stderr}`, { cause }));
      }
    });
  });
}

for (const [browser, expected] of Object.entries(EXPECTED)) {
  const report = await lint(fileURLToPath(new URL(`dist/${browser}`, import.meta.url)));
  const isExpected = (/** @type {{code: string, message: string}} */ { code, message }) => expected.some((one) => (
    one.code === code && (one.about === undefined || one.about.test(message))));
  for (const { _type, code, message, file, line } of [...report.errors, ...report.warnings, ...report.notices].filter((finding) => !isExpected(finding))) {
    console.error(`${browser}: ${_type} ${code} ${file ?? ""}:${line ?? ""} ${message}`);
    process.exitCode = 1;
  }
}
