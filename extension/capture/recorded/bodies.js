import { BufferedFile, makeBuffer } from "../../archive/sink.js";
import { release } from "../../seal/chunks.js";

/** @typedef {import("../../seal/encoding.js").Bytes} Bytes */

const PART_BYTES = 1 << 20;
const WRITERS = 6;
const LIMIT_BYTES = { media: 500 << 20, other: 200 << 20 };

/** @typedef {{waiting: Bytes[], waitingBytes: number, parts: number, sizeBytes: number, kind: "media" | "other", writing: Promise<unknown>, error: unknown}} OpenBody  error: why a part could not be written; null */

/**
 * The bodies of a recording, in the origin's private file system: memory holds at most one mebibyte of each body that is under way, and what
 * came faster than the disk took it.
 *
 * A body is a row of part files, each closed when it is full, because a file that is open when its writer dies is lost whole.
 * Limits: 200 MB for everything but media, 500 MB for media; what would go over is not kept at all, and `append` says so.
 */
export class RecordedBodies {
  /** @param {FileSystemDirectoryHandle} folder @param {{media: number, other: number}} [limits] bytes */
  constructor(folder, limits = LIMIT_BYTES) {
    this.folder = folder;
    this.limits = limits;
    /** @type {Map<string, OpenBody>} */
    this.open = new Map();
    this.used = { media: 0, other: 0 };
    this.pendingBytes = 0;
    this.isClosed = false;
    /** @type {Set<Promise<unknown>>} */
    this.writing = new Set();
    this.buffers = new Buffers(WRITERS);
  }

  /** @param {"media" | "other"} kind @param {number} sizeBytes @returns {boolean} whether a body of that size would still be kept */
  hasRoom(kind, sizeBytes) {
    return this.used[kind] + sizeBytes <= this.limits[kind];
  }

  /**
   * @param {string} name of the body: letters, digits, `.`, `-` @param {Bytes} chunk taken over: it is emptied @param {"media" | "other"} kind
   * @returns {boolean} false: over the limit, or after the end; the whole body is gone and its later chunks are refused too
   */
  append(name, chunk, kind) {
    const body = this.open.get(name) ?? emptyBody(kind);
    this.open.set(name, body);
    if (this.isClosed || !this.hasRoom(kind, chunk.length)) return false;
    body.waiting.push(chunk);
    body.waitingBytes += chunk.length;
    body.sizeBytes += chunk.length;
    this.used[kind] += chunk.length;
    if (body.waitingBytes >= PART_BYTES) this.#flush(name, body);
    return true;
  }

  /** @param {string} name @returns {number} bytes of a body that is under way, so far */
  sizeOf(name) {
    return this.open.get(name)?.sizeBytes ?? 0;
  }

  /**
   * @param {string} name @returns {Promise<number>} when all of it is on disk: its size in bytes; a body of which no chunk came is empty
   * @throws {Error} when a part of it could not be written: then nothing of it is left, because what was would pass for a shorter body
   */
  async close(name) {
    const body = this.open.get(name) ?? emptyBody("other");
    this.open.delete(name);
    if (body.waitingBytes > 0 || body.parts === 0) this.#flush(name, body);
    await body.writing;
    if (body.error === null) return body.sizeBytes;
    await this.#remove(name, body);
    throw body.error;
  }

  /** Nothing is taken any more. @returns {Promise<void>} when what was taken is on disk, or could not be written */
  async end() {
    this.isClosed = true;
    await Promise.all([...this.writing]);
  }

  /** @param {string} name @returns {Promise<void>} as if it had never been */
  async drop(name) {
    const body = this.open.get(name);
    if (!body) return;
    this.open.delete(name);
    await this.#remove(name, body);
  }

  /** @param {string} name @param {OpenBody} body @returns {Promise<void>} */
  async #remove(name, body) {
    this.used[body.kind] -= body.sizeBytes;
    await body.writing;
    for (let part = 0; part < body.parts; part += 1) await this.folder.removeEntry(partName(name, part)).catch(() => {});
  }

  /** @param {string} name @param {OpenBody} body */
  #flush(name, body) {
    const file = partName(name, body.parts);
    const { waiting: chunks, waitingBytes: bytes } = body;
    body.waiting = [];
    body.waitingBytes = 0;
    body.parts += 1;
    this.pendingBytes += bytes;
    const written = this.buffers.lend((buffer) => writeChunks(this.folder, file, chunks, buffer)).catch((error) => { body.error ??= error ?? "unknown"; }).finally(() => {
      this.pendingBytes -= bytes;
      this.writing.delete(written);
    });
    this.writing.add(written);
    body.writing = Promise.all([body.writing, written]); // beside each other: on a busy machine each step of a write waits for its turn; close() tells of errors
  }
}

/** A few buffers for many writers: what is handed to the browser it keeps until its collector comes, so it is always handed the same memory. */
class Buffers {
  /** @param {number} count how many there may be */
  constructor(count) {
    this.left = count;
    /** @type {Bytes[]} */
    this.free = [];
    /** @type {((buffer: Bytes) => void)[]} */
    this.waiting = [];
  }

  /** @template T @param {(buffer: Bytes) => Promise<T>} use @returns {Promise<T>} when a buffer was free and `use` is done with it */
  async lend(use) {
    const buffer = await this.#take();
    try {
      return await use(buffer);
    } finally {
      const next = this.waiting.shift();
      if (next) next(buffer);
      else this.free.push(buffer);
    }
  }

  /** @returns {Promise<Bytes>} */
  async #take() {
    const free = this.free.pop();
    if (free) return free;
    if (this.left === 0) return new Promise((resolve) => { this.waiting.push(resolve); });
    this.left -= 1;
    return makeBuffer();
  }
}

/** @param {"media" | "other"} kind @returns {OpenBody} */
function emptyBody(kind) {
  return { waiting: [], waitingBytes: 0, parts: 0, sizeBytes: 0, kind, writing: Promise.resolve(), error: null };
}

/** @param {FileSystemDirectoryHandle} folder @param {string} name @param {Bytes[]} chunks emptied @param {Bytes} buffer @returns {Promise<void>} durable when done */
async function writeChunks(folder, name, chunks, buffer) {
  const file = new BufferedFile(await (await folder.getFileHandle(name, { create: true })).createWritable(), buffer);
  for (const chunk of chunks) {
    await file.write(chunk);
    release(chunk);
  }
  await file.close();
}

/** @param {FileSystemDirectoryHandle} folder @param {string} name @returns {Promise<Blob | null>} a closed body, backed by its files; null: there is none */
export async function readBody(folder, name) {
  const parts = [];
  for (let part = 0; ; part += 1) {
    const handle = await folder.getFileHandle(partName(name, part)).catch(() => null);
    if (handle === null) break;
    parts.push(await handle.getFile());
  }
  return parts.length === 0 ? null : new Blob(parts);
}

/** @param {FileSystemDirectoryHandle} folder @param {string} name @param {string} data @returns {Promise<void>} durable when done */
export async function writeFile(folder, name, data) {
  const writable = await (await folder.getFileHandle(name, { create: true })).createWritable();
  await writable.write(data);
  await writable.close();
}

/** @param {string} key of an exchange @returns {string} a file name */
export function bodyName(key) {
  return `body-${key.replace(/[^A-Za-z0-9.-]/g, "_")}`;
}

/** @param {string} name @param {number} part */
function partName(name, part) {
  return `${name}.${String(part).padStart(4, "0")}`;
}
