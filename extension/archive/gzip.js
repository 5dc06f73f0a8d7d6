import { crc32 } from "./crc32.js";

/** @typedef {import("../seal/encoding.js").Bytes} Bytes */

const HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff); // no time, no name: the same input gives the same bytes
const MAX_STORED = 0xffff;

/**
 * One gzip member over `parts`, in chunks ready to be written.
 *
 * `store` keeps the data in stored deflate blocks: a picture or a film does not shrink, and deflating it would cost most of a
 * capture's time (15 MB/s measured, against 150 MB/s and more for everything else that happens to a body).
 * @param {Bytes[]} parts @param {{store: boolean}} options @returns {Promise<Bytes[]>} Source: RFC 1952, RFC 1951 §3.2.4
 */
export async function gzipMember(parts, { store }) {
  return store ? storedMember(parts) : deflatedMember(parts);
}

/** @param {Bytes[]} parts @returns {Promise<Bytes[]>} */
async function deflatedMember(parts) {
  const stream = new Blob(parts).stream().pipeThrough(new CompressionStream("gzip"));
  const chunks = [];
  const reader = stream.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) chunks.push(new Uint8Array(read.value));
  return chunks;
}

/** @param {Bytes[]} parts @returns {Bytes[]} */
function storedMember(parts) {
  /** @type {Bytes[]} */
  const chunks = [HEADER];
  let crc = 0;
  let size = 0;
  for (const part of parts) {
    crc = crc32(part, crc);
    size += part.length;
    for (let at = 0; at < part.length; at += MAX_STORED) {
      const block = part.subarray(at, at + MAX_STORED);
      chunks.push(Uint8Array.of(0, block.length & 0xff, block.length >>> 8, ~block.length & 0xff, (~block.length >>> 8) & 0xff), block);
    }
  }
  const trailer = new DataView(new ArrayBuffer(13));
  trailer.setUint8(0, 1); // an empty last block ends the stream
  trailer.setUint16(1, 0, true);
  trailer.setUint16(3, MAX_STORED, true);
  trailer.setUint32(5, crc, true);
  trailer.setUint32(9, size % 2 ** 32, true);
  chunks.push(new Uint8Array(trailer.buffer));
  return chunks;
}
