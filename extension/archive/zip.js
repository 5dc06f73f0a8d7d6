import { utf8 } from "../seal/encoding.js";
import { crc32 } from "./crc32.js";
import { ArchiveError } from "./errors.js";

/** @typedef {import("../seal/encoding.js").Bytes} Bytes */
/** @typedef {{name: string, data: Blob | Bytes, crc32?: number}} ZipEntry  `crc32` is required with a Blob: it is not read here */

const MAX_BYTES = 0xffffffff;
const MAX_ENTRIES = 0xffff;
const UTF8_NAME = 0x0800;
const VERSION = 20;

/**
 * A zip of stored entries. The data are referred to, not copied, so a zip around a gigabyte file costs no memory.
 * @param {ZipEntry[]} entries in this order @param {Date} time for every entry
 * @returns {Blob}
 * @throws {ArchiveError} above 4 GiB or 65,535 entries: zip64 is not written. Source: APPNOTE 6.3 §4.3
 */
export function storedZip(entries, time) {
  if (entries.length > MAX_ENTRIES) throw new ArchiveError("zip", `more than ${MAX_ENTRIES} entries`);
  /** @type {BlobPart[]} */
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const entry of entries) {
    const name = utf8(entry.name);
    const fields = entryFields(entry, name, time);
    directory.push(directoryEntry(fields, name, offset));
    parts.push(localHeader(fields, name), entry.data);
    offset += 30 + name.length + fields.size;
    if (offset > MAX_BYTES) throw new ArchiveError(entry.name, "the zip would be larger than 4 GiB");
  }
  const directoryBytes = directory.reduce((sum, part) => sum + part.length, 0);
  if (offset + directoryBytes > MAX_BYTES) throw new ArchiveError("zip", "the zip would be larger than 4 GiB");
  return new Blob([...parts, ...directory, endRecord(entries.length, directoryBytes, offset)], { type: "application/zip" });
}

/** @typedef {{crc: number, size: number, time: number, date: number}} EntryFields */

/** @param {ZipEntry} entry @param {Bytes} name @param {Date} time @returns {EntryFields} */
function entryFields(entry, name, time) {
  const { data } = entry;
  if (name.length > MAX_ENTRIES) throw new ArchiveError("zip", "an entry's name is too long");
  if (data instanceof Uint8Array) return { crc: crc32(data), size: data.length, ...dosTime(time) };
  if (entry.crc32 === undefined) throw new ArchiveError(entry.name, "no CRC-32 for a blob");
  return { crc: entry.crc32, size: data.size, ...dosTime(time) };
}

/** @param {Date} time @returns {{time: number, date: number}} two-second steps, in UTC: the zip must not tell where it was made */
function dosTime(time) {
  const year = Math.min(Math.max(time.getUTCFullYear(), 1980), 2107);
  return {
    time: (time.getUTCHours() << 11) | (time.getUTCMinutes() << 5) | (time.getUTCSeconds() >> 1),
    date: ((year - 1980) << 9) | ((time.getUTCMonth() + 1) << 5) | time.getUTCDate(),
  };
}

/** @param {EntryFields} fields @param {Bytes} name @returns {Bytes} */
function localHeader(fields, name) {
  const bytes = new Uint8Array(30 + name.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x04034b50, true);
  writeCommon(view, 4, fields, name);
  bytes.set(name, 30);
  return bytes;
}

/** @param {EntryFields} fields @param {Bytes} name @param {number} offset of the local header @returns {Bytes} */
function directoryEntry(fields, name, offset) {
  const bytes = new Uint8Array(46 + name.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x02014b50, true);
  view.setUint16(4, VERSION, true);
  writeCommon(view, 6, fields, name);
  view.setUint32(42, offset, true);
  bytes.set(name, 46);
  return bytes;
}

/** The fields that a local header and a directory entry share. @param {DataView} view @param {number} at @param {EntryFields} fields @param {Bytes} name */
function writeCommon(view, at, fields, name) {
  view.setUint16(at, VERSION, true);
  view.setUint16(at + 2, UTF8_NAME, true);
  view.setUint16(at + 4, 0, true); // method: stored
  view.setUint16(at + 6, fields.time, true);
  view.setUint16(at + 8, fields.date, true);
  view.setUint32(at + 10, fields.crc, true);
  view.setUint32(at + 14, fields.size, true);
  view.setUint32(at + 18, fields.size, true);
  view.setUint16(at + 22, name.length, true);
}

/** @param {number} count @param {number} directoryBytes @param {number} offset @returns {Bytes} */
function endRecord(count, directoryBytes, offset) {
  const view = new DataView(new ArrayBuffer(22));
  view.setUint32(0, 0x06054b50, true);
  view.setUint16(8, count, true);
  view.setUint16(10, count, true);
  view.setUint32(12, directoryBytes, true);
  view.setUint32(16, offset, true);
  return new Uint8Array(view.buffer);
}
