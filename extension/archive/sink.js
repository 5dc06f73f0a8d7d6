/** @typedef {import("../seal/encoding.js").Bytes} Bytes */

/**
 * Where an archive is written. Chunks come in order, and are the writer's again when `write` is done; `close` gives everything written as one Blob.
 * @typedef {{write(chunk: Bytes): Promise<void>, close(): Promise<Blob>}} Sink
 */

const BUFFER_BYTES = 1 << 20;

/** @returns {Sink} for tests and for a browser without a private file system: everything stays in memory */
export function memorySink() {
  /** @type {BlobPart[]} */
  const chunks = [];
  return {
    async write(chunk) {
      chunks.push(chunk.slice());
    },
    async close() {
      return new Blob(chunks);
    },
  };
}

/**
 * A sink in the origin's private file system: memory holds one mebibyte, whatever the size of the archive.
 * @param {FileSystemDirectoryHandle} folder @param {string} name @returns {Promise<Sink>} `close` gives the File itself, not a copy
 */
export async function fileSink(folder, name) {
  const handle = await folder.getFileHandle(name, { create: true });
  const file = new BufferedFile(await handle.createWritable());
  return {
    write: (chunk) => file.write(chunk),
    async close() {
      await file.close();
      return handle.getFile();
    },
  };
}

/** @returns {Bytes} what a BufferedFile needs */
export function makeBuffer() {
  return new Uint8Array(BUFFER_BYTES);
}

/**
 * Writes a file through one buffer: whatever is handed to the browser it keeps until its collector comes, so it is always handed the same mebibyte.
 */
export class BufferedFile {
  /** @param {Pick<FileSystemWritableFileStream, "write" | "close">} writable @param {Bytes} [buffer] nobody else's until close() is done */
  constructor(writable, buffer = makeBuffer()) {
    this.writable = writable;
    this.buffer = buffer;
    this.used = 0;
  }

  /** @param {Bytes} chunk the caller's again when done; one call after the other */
  async write(chunk) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + this.buffer.length - this.used);
      this.buffer.set(part, this.used);
      this.used += part.length;
      at += part.length;
      if (this.used === this.buffer.length) await this.#flush();
    }
  }

  async close() {
    if (this.used > 0) await this.#flush();
    await this.writable.close();
  }

  async #flush() {
    await this.writable.write(this.buffer.subarray(0, this.used)); // not as a Blob: the browser would keep each until the collector finds it
    this.used = 0;
  }
}
