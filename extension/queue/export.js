import { crc32 } from "../archive/crc32.js";
import { storedZip } from "../archive/zip.js";
import { utf8 } from "../seal/encoding.js";

/** The capture's bytes are not here: it was delivered and let go, or they are damaged. */
export class NotHere extends Error {}

/**
 * One capture as a file that `holdstill import` takes, docs/formats.md §10. Only reads: the capture stays in the queue, whatever becomes of the file.
 * @param {import("./store.js").Store} store @param {string} captureId
 * @returns {Promise<{name: string, blob: Blob}>} the bytes are referred to, not copied @throws {NotHere}
 */
export async function exportCapture(store, captureId) {
  const item = await store.readItem(captureId);
  if (item === undefined) throw new NotHere(captureId);
  /** @type {import("../archive/zip.js").ZipEntry[]} */
  const entries = [{ name: "statement.dsse.json", data: utf8(item.envelope) }];
  for (const { name, sha256, sizeBytes } of item.artifacts) {
    const data = await store.readPayload(captureId, sha256);
    if (data === undefined || data.size !== sizeBytes) throw new NotHere(name);
    entries.push({ name, data, crc32: await crcOf(data) });
  }
  return { name: `${captureId.slice(0, 16)}.holdstill.zip`, blob: storedZip(entries, new Date(item.createdAt)) };
}

/** @param {Blob} blob @returns {Promise<number>} read as a stream: a gigabyte costs no memory */
async function crcOf(blob) {
  let crc = 0;
  const reader = blob.stream().getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) crc = crc32(part.value, crc);
  return crc;
}

/**
 * What proves that the service took a capture, as files (docs/formats.md §5): the receipts as received, the events they are about, the statement.
 * @param {import("./reducer.js").Item} item @returns {{kind: "committed" | "sealed" | "statement", name: string, text: string, mediaType: string}[]}
 */
export function proofFiles({ captureId, committed, sealed, envelope }) {
  const proofs = /** @type {const} */ ([["committed", committed], ["sealed", sealed]]).flatMap(([kind, proof]) => (proof === null ? [] : [
    { kind, name: `${captureId}.${kind}.tlog-proof`, text: proof.receipt, mediaType: "text/plain" },
    { kind, name: `${captureId}.${kind}.dsse.json`, text: proof.event, mediaType: "application/json" },
  ]));
  return [...proofs, { kind: "statement", name: `${captureId}.statement.dsse.json`, text: envelope, mediaType: "application/json" }];
}
