import { artifactPath, Problem, timeoutMs } from "./client.js";

/**
 * Resumable upload of one large artifact, tus 1.0.0 core and creation.
 *
 * An own client of a page's length instead of tus-js-client: that one keeps its own state and retries, sends by XMLHttpRequest (which an MV3
 * worker has not), and here the queue's reducer must own both, so that a killed worker goes on where the service stands.
 */

export const CHUNK_BYTES = 8 << 20;
const VERSION = { "Tus-Resumable": "1.0.0" };

/**
 * @param {import("./client.js").ServiceClient} client @param {string} captureId @param {string} sha256 @param {number} sizeBytes
 * @returns {Promise<string>} the upload's path on the service: the token goes nowhere else, wherever the service is reached tomorrow
 */
export async function openUpload(client, captureId, sha256, sizeBytes) {
  const headers = { ...VERSION, "Upload-Length": String(sizeBytes) };
  const response = await client.request(artifactPath(captureId, sha256), { method: "POST", headers });
  const location = response.headers.get("Location");
  const url = location === null ? null : new URL(location, `${client.serverUrl}/`);
  if (url === null || url.origin !== new URL(client.serverUrl).origin) throw new Problem(response.status, "upload_location");
  return url.pathname;
}

/**
 * Sends what the service does not have yet, from where it stands, in chunks of 8 MiB.
 * @param {import("./client.js").ServiceClient} client @param {{path: string, blob: Blob}} upload
 * @param {(sentBytes: number) => Promise<void>} onSent after each chunk the service has confirmed
 * @returns {Promise<void>} the service has every byte @throws {Problem} 404 or 410: the upload is gone, open another
 */
export async function resumeUpload(client, { path, blob }, onSent) {
  let offset = parseOffset(await client.request(path, { method: "HEAD", headers: VERSION }), blob.size);
  while (offset < blob.size) {
    const chunk = blob.slice(offset, offset + CHUNK_BYTES);
    const headers = { ...VERSION, "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" };
    const signal = AbortSignal.timeout(timeoutMs(chunk.size));
    const next = parseOffset(await client.request(path, { method: "PATCH", body: chunk, headers, signal }), blob.size);
    if (next <= offset) throw new Problem(204, "upload_offset"); // a service that takes bytes and does not move would loop for ever
    offset = next;
    await onSent(offset);
  }
}

/** @param {Response} response @param {number} sizeBytes */
function parseOffset(response, sizeBytes) {
  const text = response.headers.get("Upload-Offset") ?? "";
  const offset = Number(text);
  if (!/^[0-9]{1,15}$/.test(text) || offset > sizeBytes) throw new Problem(response.status, "upload_offset");
  return offset;
}
