// Bundles the test extension: node build.mjs <out> <host permission>…
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const [out, ...hosts] = process.argv.slice(2);
await esbuild.build({ entryPoints: [join(here, "worker.js")], outfile: join(out, "background.js"), bundle: true, format: "esm", target: ["chrome137"], logLevel: "warning" });
const { permissions, key, background } = JSON.parse(await readFile(join(here, "../../../extension/manifest.base.json"), "utf8"));
await writeFile(join(out, "manifest.json"), JSON.stringify({ manifest_version: 3, name: "recording test", version: "0.0.1", key, permissions, background,
  host_permissions: hosts, action: {} }));
