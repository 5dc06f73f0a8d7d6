/**
 * Where an archive is written. Chunks come in order; `close` gives everything written as one Blob.
 * @typedef {{write(chunk: import("../seal/encoding.js").Bytes): Promise<void>, close(): Promise<Blob>}} Sink
 */

const FLUSH_BYTES = 1 << 20;

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
 * A sink in the origin's private file system: memory holds one mebibyte at a time, whatever the size of the archive.
 * @param {FileSystemDirectoryHandle} folder @param {string} name @returns {Promise<Sink>} `close` gives the File itself, not a copy
 */
export async function fileSink(folder, name) {
  const handle = await folder.getFileHandle(name, { create: true });
  const writable = await handle.createWritable();
  /** @type {BlobPart[]} */
  let waiting = [];
  let waitingBytes = 0;
  const flush = async () => {
    const batch = new Blob(waiting);
    waiting = [];
    waitingBytes = 0;
    await writable.write(batch);
  };
  return {
    async write(chunk) {
      waiting.push(chunk);
      waitingBytes += chunk.length;
      if (waitingBytes >= FLUSH_BYTES) await flush();
    },
    async close() {
      await flush();
      await writable.close();
      return handle.getFile();
    },
  };
}
