/** @typedef {import("./encoding.js").Bytes} Bytes */

const READ_BYTES = 256 << 10;
const TURN_MS = 40;

/**
 * A blob in chunks. A chunk is valid until the next one is asked for: one buffer of ours is filled again and again, because buffers that the browser
 * makes for each chunk stay until its collector comes, which for a large file is too late (measured: the whole file piled up).
 *
 * Whoever reads a large blob does not keep the thread for itself: every 40 ms what else waits has its turn.
 * @param {Blob} blob @returns {AsyncGenerator<Bytes>}
 */
export async function* chunksOf(blob) {
  const reader = blob.stream().getReader({ mode: "byob" });
  let since = performance.now();
  for (let buffer = new ArrayBuffer(Math.min(READ_BYTES, blob.size)); buffer.byteLength > 0;) {
    const { done, value } = await reader.read(new Uint8Array(buffer));
    if (done) return;
    yield value;
    buffer = value.buffer;
    if (performance.now() - since < TURN_MS) continue;
    await nextTurn();
    since = performance.now();
  }
}

/** Gives a chunk's memory back; the chunk is empty afterwards. @param {Bytes} chunk made by our own code, that nobody else has a view of */
export function release(chunk) {
  const { buffer } = /** @type {{buffer: ArrayBuffer & {transfer?: (size: number) => ArrayBuffer}}} */ (chunk);
  buffer.transfer?.(0); // ES2024; without it the collector does it later
}

/** @returns {Promise<void>} after the events that wait */
function nextTurn() {
  return new Promise((resolve) => { setTimeout(resolve, 0); });
}
