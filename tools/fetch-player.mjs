// Puts the unmodified files of ReplayWeb.page (AGPL-3.0-or-later, a program of its own beside this one) into a folder:
//   node tools/fetch-player.mjs server/web/player
// The package comes from the registry that npm is set up with and must have the pinned digest; nothing of it is built in or changed.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PACKAGE = "replaywebpage@2.5.3";
const INTEGRITY = "sha512-nCj2PSON3BxeSJKE8AsYPyULv0XPZKJWfy4l9PyQre9SqwLZ+WKZVs/sfLqPOQ4GrH+0YkjbwOhr8cSTH08gsQ==";
const FILES = ["ui.js", "sw.js", "LICENSE"];

const target = process.argv[2];
if (!target) throw new Error("usage: node tools/fetch-player.mjs FOLDER");
const work = mkdtempSync(join(tmpdir(), "player-"));
try {
  execFileSync("npm", ["pack", PACKAGE, "--silent", "--pack-destination", work], { stdio: ["ignore", "ignore", "inherit"] });
  const packed = join(work, `${PACKAGE.replace("@", "-")}.tgz`);
  const found = `sha512-${createHash("sha512").update(readFileSync(packed)).digest("base64")}`;
  if (found !== INTEGRITY) throw new Error(`${PACKAGE} has the digest ${found}, expected ${INTEGRITY}`);
  mkdirSync(target, { recursive: true });
  execFileSync("tar", ["-xzf", packed, "-C", work, ...FILES.map((name) => `package/${name}`)]);
  for (const name of FILES) {
    execFileSync("cp", [join(work, "package", name), join(target, `.${name}.new`)]);
    renameSync(join(target, `.${name}.new`), join(target, name));
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
