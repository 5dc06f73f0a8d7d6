import { concat, hex, utf8 } from "../seal/encoding.js";
import { digestPair, hashBlob } from "../seal/hashing.js";
import { crc32 } from "./crc32.js";
import { ArchiveError } from "./errors.js";
import { gzipBlob, gzipMember, isIncompressible } from "./gzip.js";
import { oneLine } from "./http.js";

/** @typedef {import("../seal/encoding.js").Bytes} Bytes */
/** @typedef {import("./sink.js").Sink} Sink */

/**
 * @typedef {object} WarcRecord
 * @property {"warcinfo" | "response" | "request" | "resource"} type
 * @property {string} targetUri        "" for warcinfo
 * @property {Date} date               for a response: when it came, as far as that is known
 * @property {string} contentType      of the block
 * @property {Bytes} [head]            HTTP head with its empty line; part of the block, not of the payload
 * @property {Bytes | Blob} payload    a blob is read in chunks, twice, and never held as a whole
 * @property {string} [mime]           of the payload, for the index and for the choice of compression; default contentType
 * @property {number | null} [status]  for the index
 * @property {[string, string][]} [headers]  further WARC headers, e.g. ["WARC-IP-Address", "192.0.2.1"]
 * @property {Record<string, unknown>} [metadata]  written as WARC-JSON-Metadata
 */

/** @typedef {{recordId: string, type: WarcRecord["type"], targetUri: string, date: Date, mime: string, status: number | null,
 *   payloadDigest: string, offset: number, length: number}} WrittenRecord */

const INCOMPRESSIBLE = /^(image\/(?!svg|bmp|x-icon|vnd\.microsoft\.icon)|video\/|audio\/|font\/|application\/(zip|gzip|pdf|x-gzip|font-woff|vnd\.rar|wasm))/i;
const SMALL_BYTES = 512;

/**
 * Writes WARC/1.1 records, each a gzip member of its own, and keeps size and CRC-32 of the file as it grows. The SHA-256 is taken of what the
 * sink gives back, so a file that was stored wrongly is never described as right.
 *
 * Calls may overlap: records are written whole, one after the other, in the order of the calls. Source: WARC/1.1 (ISO 28500:2017).
 */
export class WarcWriter {
  /** @param {Sink} sink */
  constructor(sink) {
    this.sink = sink;
    /** @type {WrittenRecord[]} */
    this.records = [];
    this.sizeBytes = 0;
    this.crc32 = 0;
    /** @type {Promise<unknown>} */
    this.queue = Promise.resolve();
    this.closed = false;
  }

  /**
   * @param {WarcRecord} record @returns {Promise<WrittenRecord>} when the record is in the sink
   * @throws {ArchiveError} after close(): a late writer must not grow a file whose hash has been taken
   */
  write(record) {
    if (this.closed) return Promise.reject(new ArchiveError("archive/data.warc.gz", "closed"));
    const written = this.queue.then(() => this.#append(record));
    this.queue = written.catch(() => {});
    return written;
  }

  /** @param {Record<string, string>} fields @param {Date} date @returns {Promise<WrittenRecord>} */
  writeInfo(fields, date) {
    const text = Object.entries(fields).map(([name, value]) => `${name}: ${oneLine(value)}\r\n`).join("");
    return this.write({ type: "warcinfo", targetUri: "", date, contentType: "application/warc-fields", payload: utf8(text) });
  }

  /** @returns {Promise<{blob: Blob, sizeBytes: number, crc32: number, sha256: string}>} the finished file */
  async close() {
    this.closed = true;
    await this.queue;
    const blob = await this.sink.close();
    if (blob.size !== this.sizeBytes) throw new ArchiveError("archive/data.warc.gz", `${blob.size} bytes stored of ${this.sizeBytes} written`);
    return { blob, sizeBytes: this.sizeBytes, crc32: this.crc32, sha256: await hashBlob(blob) };
  }

  /** @param {WarcRecord} record @returns {Promise<WrittenRecord>} */
  async #append(record) {
    const { payload } = record;
    const mime = (record.mime ?? record.contentType).split(";", 1)[0].trim();
    const { payloadDigest, blockDigest } = await digests(record.head, payload);
    const recordId = `urn:uuid:${crypto.randomUUID()}`;
    const header = recordHeader(record, recordId, payloadDigest, blockDigest);
    const parts = [header, ...(record.head ? [record.head] : []), payload, utf8("\r\n\r\n")];
    const store = sizeOf(payload) > SMALL_BYTES && (INCOMPRESSIBLE.test(mime) || payload instanceof Blob && await isIncompressible(payload));
    const offset = this.sizeBytes;
    if (payload instanceof Blob) for await (const chunk of gzipBlob(new Blob(parts), { store })) await this.#grow(chunk);
    else for (const chunk of await gzipMember(/** @type {Bytes[]} */ (parts), { store })) await this.#grow(chunk);
    const written = { recordId, type: record.type, targetUri: safeUri(record.targetUri), date: record.date, mime,
      status: record.status ?? null, payloadDigest, offset, length: this.sizeBytes - offset };
    this.records.push(written);
    return written;
  }

  /** @param {Bytes} chunk */
  async #grow(chunk) {
    this.crc32 = crc32(chunk, this.crc32);
    this.sizeBytes += chunk.length;
    await this.sink.write(chunk);
  }
}

/** @param {WarcRecord} record @param {string} recordId @param {string} payloadDigest @param {string} blockDigest @returns {Bytes} */
function recordHeader(record, recordId, payloadDigest, blockDigest) {
  /** @type {[string, string][]} */
  const fields = [["WARC-Type", record.type], ["WARC-Record-ID", `<${recordId}>`], ["WARC-Date", record.date.toISOString()]];
  if (record.targetUri !== "") fields.push(["WARC-Target-URI", safeUri(record.targetUri)]);
  for (const [name, value] of record.headers ?? []) fields.push([name, oneLine(value)]);
  if (record.metadata) fields.push(["WARC-JSON-Metadata", JSON.stringify(record.metadata)]);
  if (record.type === "response" || record.type === "resource") fields.push(["WARC-Payload-Digest", payloadDigest]);
  fields.push(["WARC-Block-Digest", blockDigest], ["Content-Type", oneLine(record.contentType)],
    ["Content-Length", String((record.head?.length ?? 0) + sizeOf(record.payload))]);
  return utf8(`WARC/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`);
}

/** @param {Bytes | Blob} payload @returns {number} bytes */
function sizeOf(payload) {
  return payload instanceof Blob ? payload.size : payload.length;
}

/** @param {Bytes | undefined} head @param {Bytes | Blob} payload @returns {Promise<{payloadDigest: string, blockDigest: string}>} */
async function digests(head, payload) {
  if (payload instanceof Blob) {
    const { after, whole } = await digestPair(head ?? new Uint8Array(0), payload);
    return { payloadDigest: `sha256:${after}`, blockDigest: `sha256:${whole}` };
  }
  const payloadDigest = await digest([payload]);
  return { payloadDigest, blockDigest: head ? await digest([head, payload]) : payloadDigest };
}

/** @param {Bytes[]} parts @returns {Promise<string>} `sha256:<hex>` */
async function digest(parts) {
  const whole = parts.length === 1 ? parts[0] : concat(...parts);
  return `sha256:${hex(new Uint8Array(await crypto.subtle.digest("SHA-256", whole)))}`; // off this thread, and four times as fast as in JavaScript
}

/** @param {string} uri @returns {string} white space and control characters percent-encoded: a URI of the page cannot add a header */
function safeUri(uri) {
  // eslint-disable-next-line no-control-regex
  return uri.replace(/[\u0000-\u0020\u007f-\u009f\u2028\u2029]/g, (char) => encodeURIComponent(char));
}
