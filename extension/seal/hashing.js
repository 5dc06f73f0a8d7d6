import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { hex, utf8 } from "./encoding.js";

/** @param {Uint8Array | string} data a string is hashed as UTF-8 @returns {import("./encoding.js").Bytes} 32 bytes */
export function sha256(data) {
  return new Uint8Array(nobleSha256(typeof data === "string" ? utf8(data) : data));
}

/** @param {Uint8Array | string} data @returns {string} 64 lower-case hex digits */
export function sha256Hex(data) {
  return hex(sha256(data));
}

/**
 * SHA-256 of a blob, read as a stream: memory stays at one chunk whatever the size. WebCrypto has no incremental digest.
 * @param {Blob} blob @returns {Promise<string>} 64 lower-case hex digits
 */
export async function hashBlob(blob) {
  const hasher = nobleSha256.create();
  const reader = blob.stream().getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) hasher.update(part.value);
  return hex(hasher.digest());
}
