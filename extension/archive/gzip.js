import { concat } from "../seal/encoding.js";
import { chunksOf, release } from "../seal/chunks.js";
import { crc32 } from "./crc32.js";

/** @typedef {import("../seal/encoding.js").Bytes} Bytes */

const HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff); // no time, no name: the same input gives the same bytes
const MAX_STORED = 0xffff;
const SAMPLE_BYTES = 64 << 10;
const QUEUED_BYTES = 64 << 10;
const LEAST_SHRINKING = 0.967;

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

/**
 * The same over a blob, chunk by chunk: memory holds a few chunks, whatever the size of the blob. A chunk is valid until the next one is asked for.
 * @param {Blob} blob @param {{store: boolean}} options @returns {AsyncGenerator<Bytes>}
 */
export async function* gzipBlob(blob, { store }) {
  if (!store) {
    yield* deflatedBlob(blob);
    return;
  }
  yield HEADER;
  let crc = 0;
  for await (const part of chunksOf(blob)) {
    crc = crc32(part, crc);
    const packed = concat(...storedBlocks(part));
    yield packed;
    release(packed);
  }
  yield trailer(crc, blob.size);
}

/** @param {Blob} blob @returns {AsyncGenerator<Bytes>} */
async function* deflatedBlob(blob) {
  const { readable, writable } = new CompressionStream("gzip");
  const writing = writeChunks(blob, writable.getWriter());
  writing.catch(() => {}); // reported below, after the reader
  const reader = readable.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) yield new Uint8Array(read.value);
  await writing;
}

/**
 * The compressor gets a copy of a small chunk: a runtime may take one into its queue, say that it was written, and read it when the
 * buffer holds the next one (Node does). For a larger one it asks to wait.
 * @param {Blob} blob @param {WritableStreamDefaultWriter<Bytes>} writer
 */
async function writeChunks(blob, writer) {
  try {
    for await (const chunk of chunksOf(blob)) await writer.write(chunk.length > QUEUED_BYTES ? chunk : chunk.slice());
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
    throw error;
  }
}

/**
 * Whether deflating would be lost work: three samples do not shrink by a thirtieth. What a server calls octet-stream is often packed already.
 * @param {Blob} blob @returns {Promise<boolean>}
 */
export async function isIncompressible(blob) {
  const places = [0, Math.floor(blob.size / 2), Math.max(0, blob.size - SAMPLE_BYTES)];
  const sample = new Blob(places.map((at) => blob.slice(at, at + SAMPLE_BYTES)));
  let packedBytes = 0;
  for await (const chunk of deflatedBlob(sample)) packedBytes += chunk.length;
  return packedBytes > sample.size * LEAST_SHRINKING;
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
    chunks.push(...storedBlocks(part));
  }
  chunks.push(trailer(crc, size));
  return chunks;
}

/** @param {Bytes} part @returns {Bytes[]} stored deflate blocks, each with its head before it */
function storedBlocks(part) {
  const blocks = [];
  for (let at = 0; at < part.length; at += MAX_STORED) {
    const block = part.subarray(at, at + MAX_STORED);
    blocks.push(Uint8Array.of(0, block.length & 0xff, block.length >>> 8, ~block.length & 0xff, (~block.length >>> 8) & 0xff), block);
  }
  return blocks;
}

/** @param {number} crc @param {number} size @returns {Bytes} the end of a member of stored blocks */
function trailer(crc, size) {
  const view = new DataView(new ArrayBuffer(13));
  view.setUint8(0, 1); // an empty last block ends the stream
  view.setUint16(1, 0, true);
  view.setUint16(3, MAX_STORED, true);
  view.setUint32(5, crc, true);
  view.setUint32(9, size % 2 ** 32, true);
  return new Uint8Array(view.buffer);
}
