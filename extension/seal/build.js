import { sha256Hex } from "./hashing.js";

/**
 * Which program this is: the manifest's version and the SHA-256 of the built folder's SHA256SUMS (see build.mjs).
 * It says what the author of the package built; a modified extension can lie about it, as about everything else.
 * @returns {Promise<{version: string, build: string}>}
 */
export async function readBuild() {
  const answer = await fetch(chrome.runtime.getURL("SHA256SUMS"));
  return { version: chrome.runtime.getManifest().version, build: sha256Hex(await answer.text()) };
}
