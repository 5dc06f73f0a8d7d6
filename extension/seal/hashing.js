import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { chunksOf } from "./chunks.js";
import { hex, utf8 } from "./encoding.js";

/** @param {Uint8Array | string} data a string is hashed as UTF-8 @returns {import("./encoding.js").Bytes} 32 bytes */
export function sha256(data) {
  return new Uint8Array(nobleSha256(typeof data === "string" ? utf8(data) : data));
}

/** @param {Uint8Array | string} data @returns {string} 64 lower-case hex digits */
export function sha256Hex(data) {
  return hex(sha256(data));
}

const WHOLE_BYTES = 32 << 20;

/**
 * SHA-256 of a blob. Up to 32 MiB it is read at once and digested by WebCrypto, off this thread (measured: three to five times as fast on a
 * busy machine, and twice the blob in memory); above that as a stream, so that memory stays at one chunk: WebCrypto has no incremental digest.
 * @param {Blob} blob @param {number} [wholeBytes] up to which size it is read at once @returns {Promise<string>} 64 lower-case hex digits
 */
export async function hashBlob(blob, wholeBytes = WHOLE_BYTES) {
  if (blob.size <= wholeBytes) return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer())));
  const hasher = nobleSha256.create();
  for await (const chunk of chunksOf(blob)) hasher.update(chunk);
  return hex(hasher.digest());
}

/**
 * SHA-256 of a blob, and of `head` with the blob after it, in one reading of the blob.
 * @param {Uint8Array} head @param {Blob} blob @returns {Promise<{after: string, whole: string}>} 64 lower-case hex digits each
 */
export async function digestPair(head, blob) {
  const after = nobleSha256.create();
  const whole = nobleSha256.create().update(head);
  for await (const chunk of chunksOf(blob)) {
    after.update(chunk);
    whole.update(chunk);
  }
  return { after: hex(after.digest()), whole: hex(whole.digest()) };
}
