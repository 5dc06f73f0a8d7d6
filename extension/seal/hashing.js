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

const WHOLE_BYTES = 64 << 20;

/**
 * SHA-256 of a blob. Up to 64 MiB it is read at once and digested by WebCrypto, off this thread (measured: three to five times as fast on a
 * busy machine); above that as a stream, so that memory stays at one chunk: WebCrypto has no incremental digest.
 * @param {Blob} blob @param {number} [wholeBytes] up to which size it is read at once @returns {Promise<string>} 64 lower-case hex digits
 */
export async function hashBlob(blob, wholeBytes = WHOLE_BYTES) {
  if (blob.size <= wholeBytes) return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer())));
  const hasher = nobleSha256.create();
  const reader = blob.stream().getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) hasher.update(part.value);
  return hex(hasher.digest());
}
