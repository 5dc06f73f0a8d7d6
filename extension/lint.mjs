// Runs web-ext's linter over the built extension and fails on anything it finds but what EXPECTED explains: `npm run lint`.
// The linter judges by Firefox's rules; this build is for Chromium.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

const EXPECTED = [
  { code: "BACKGROUND_SERVICE_WORKER_NOFALLBACK", why: "Firefox runs event pages, Chromium runs service workers" },
  { code: "ADDON_ID_REQUIRED", why: "the id comes from the manifest's key" },
  { code: "MISSING_DATA_COLLECTION_PERMISSIONS", why: "a key of Firefox's store" },
  { code: "MANIFEST_PERMISSIONS", about: /"debugger"/, why: "Chromium's way to read a page as it was received" },
  { code: "UNSUPPORTED_API", about: /^debugger\./, why: "the same" },
];
const SOURCE = fileURLToPath(new URL("dist/chromium", import.meta.url));
const PROGRAM = fileURLToPath(new URL("../node_modules/.bin/web-ext", import.meta.url));

/** @param {{code: string, message: string}} finding */
const isExpected = (finding) => EXPECTED.some(({ code, about }) => code === finding.code && (about === undefined || about.test(finding.message)));

const args = ["lint", "--source-dir", SOURCE, "--no-config-discovery", "--output", "json", "--boring"];
const report = await new Promise((resolve, reject) => {
  // The linter ends with 1 when it found something: its answer is what counts.
  execFile(PROGRAM, args, { maxBuffer: 1 << 26 }, (_error, stdout, stderr) => {
    try {
      resolve(JSON.parse(stdout));
    } catch (cause) {
      reject(new Error(`web-ext gave no report: ${stderr}`, { cause }));
    }
  });
});
const findings = [...report.errors, ...report.warnings, ...report.notices].filter((finding) => !isExpected(finding));
for (const { _type, code, message, file, line } of findings) console.error(`${_type} ${code} ${file ?? ""}:${line ?? ""} ${message}`);
process.exitCode = findings.length > 0 ? 1 : 0;
