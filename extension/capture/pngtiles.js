import { crc32 } from "../archive/crc32.js";
import { ArchiveError } from "../archive/errors.js";
import { concat, utf8 } from "../seal/encoding.js";

/** @typedef {import("../seal/encoding.js").Bytes} Bytes */
/** @typedef {{type: string, data: Bytes}} Chunk */
/** @typedef {{width: number, height: number, header: Bytes, bytesPerPixel: number, before: Chunk[], image: Bytes[]}} Tile */

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const IDAT_BYTES = 1 << 20;
/** Filter types of a row: PNG specification §9.2. */
const NONE = 0, UP = 2, AVERAGE = 3, PAETH = 4;

/**
 * One PNG out of tiles that stand one below the other. The pixels are those of the tiles: rows are joined, no picture is drawn, so nothing is
 * scaled, blended or colour-managed, and memory holds one row beside the streams.
 * @param {Blob[]} blobs PNGs of one width and one colour type, 8 bits, not interlaced, from the top
 * @returns {Promise<{png: Blob, widthPx: number, heightPx: number}>} a single tile comes back as it is
 * @throws {ArchiveError}
 */
export async function stitchTiles(blobs) {
  const tiles = await Promise.all(blobs.map(parseTile));
  const [first] = tiles;
  const heightPx = tiles.reduce((sum, { height }) => sum + height, 0);
  if (tiles.length === 1) return { png: blobs[0], widthPx: first.width, heightPx };
  for (const tile of tiles) {
    if (tile.width !== first.width || tile.header.subarray(8).some((byte, at) => byte !== first.header[8 + at])) throw new ArchiveError("screenshot", "its tiles differ in form");
  }
  const header = first.header.slice();
  new DataView(header.buffer).setUint32(4, heightPx);
  const chunks = [SIGNATURE, ...chunkBytes({ type: "IHDR", data: header }), ...first.before.flatMap(chunkBytes)];
  for await (const data of deflateRows(tiles)) chunks.push(...chunkBytes({ type: "IDAT", data }));
  chunks.push(...chunkBytes({ type: "IEND", data: new Uint8Array(0) }));
  return { png: new Blob(chunks, { type: "image/png" }), widthPx: first.width, heightPx };
}

/** @param {Blob} blob @returns {Promise<Tile>} */
async function parseTile(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const view = new DataView(bytes.buffer);
  if (SIGNATURE.some((byte, at) => bytes[at] !== byte)) throw new ArchiveError("screenshot", "not a PNG");
  /** @type {Chunk[]} */
  const chunks = [];
  for (let at = SIGNATURE.length; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    chunks.push({ type: String.fromCharCode(...bytes.subarray(at + 4, at + 8)), data: bytes.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  const header = chunks[0]?.data;
  if (chunks[0]?.type !== "IHDR" || header.length !== 13) throw new ArchiveError("screenshot", "not a PNG");
  const channels = { 0: 1, 2: 3, 6: 4 }[header[9]];
  if (header[8] !== 8 || header[12] !== 0 || channels === undefined) throw new ArchiveError("screenshot", "not a plain 8-bit PNG");
  const fields = new DataView(header.buffer, header.byteOffset, 13);
  const firstImage = chunks.findIndex(({ type }) => type === "IDAT");
  return { width: fields.getUint32(0), height: fields.getUint32(4), header: header.slice(), bytesPerPixel: channels,
    before: chunks.slice(1, firstImage), image: chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data) };
}

/** @param {Tile[]} tiles @returns {AsyncGenerator<Bytes>} the zlib stream of all rows, in pieces */
async function* deflateRows(tiles) {
  const deflate = new CompressionStream("deflate");
  const writing = writeRows(tiles, deflate.writable.getWriter());
  writing.catch(() => {}); // reported below, after the reader
  /** @type {Bytes[]} */
  let waiting = [];
  let size = 0;
  const reader = deflate.readable.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    waiting.push(new Uint8Array(read.value));
    size += read.value.length;
    if (size < IDAT_BYTES) continue;
    yield concat(...waiting);
    waiting = [];
    size = 0;
  }
  await writing;
  yield concat(...waiting);
}

/** @param {Tile[]} tiles @param {WritableStreamDefaultWriter<Bytes>} writer */
async function writeRows(tiles, writer) {
  try {
    for (const [index, tile] of tiles.entries()) {
      const rowBytes = 1 + tile.width * tile.bytesPerPixel;
      let expected = rowBytes * tile.height;
      /** @type {Bytes | null} the first row of a lower tile, until it is whole: its filter leans on a row that is now another one */
      let firstRow = index > 0 ? new Uint8Array(0) : null;
      const reader = new Blob(tile.image).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
      for (let read = await reader.read(); !read.done; read = await reader.read()) {
        expected -= read.value.length;
        /** @type {Bytes} */
        let rows = new Uint8Array(read.value);
        if (firstRow) {
          rows = concat(firstRow, rows);
          firstRow = rows.length < rowBytes ? rows : null;
          if (firstRow) continue;
          unfilterFirstRow(rows.subarray(0, rowBytes), tile.bytesPerPixel);
        }
        await writer.write(rows);
      }
      if (expected !== 0) throw new ArchiveError("screenshot", "a tile is incomplete");
    }
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
    throw error;
  }
}

/** Undoes the filter of a row that had nothing above it, in place. @param {Bytes} row filter type, then pixels @param {number} bytesPerPixel */
function unfilterFirstRow(row, bytesPerPixel) {
  const filter = row[0];
  if (filter > PAETH) throw new ArchiveError("screenshot", "an unknown PNG filter");
  if (filter !== NONE && filter !== UP) {
    for (let at = 1 + bytesPerPixel; at < row.length; at += 1) {
      const left = row[at - bytesPerPixel];
      row[at] += filter === AVERAGE ? left >> 1 : left; // Sub; Paeth with nothing above predicts the left pixel too
    }
  }
  row[0] = NONE;
}

/** @param {Chunk} chunk @returns {Bytes[]} */
function chunkBytes({ type, data }) {
  const head = new Uint8Array(8);
  new DataView(head.buffer).setUint32(0, data.length);
  head.set(utf8(type), 4);
  const tail = new Uint8Array(4);
  new DataView(tail.buffer).setUint32(0, crc32(data, crc32(head.subarray(4))));
  return [head, data, tail];
}
