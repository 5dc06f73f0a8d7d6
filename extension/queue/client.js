import { SealError } from "../seal/errors.js";
import { parseJson } from "../seal/dsse.js";

/** The service over HTTP, as docs/formats.md §6 says. Every call may be repeated; the service answers a repeated call as the first. */

const SMALL_TIMEOUT_MS = 30_000;
const SLOWEST_BYTES_PER_S = 16_384;
const MAX_ANSWER_CHARS = 4 << 20;

/** No answer: offline, refused, timed out, cut off. What happened at the other end is unknown. */
export class Unreachable extends Error {
  /** @param {string} url @param {unknown} cause */
  constructor(url, cause) {
    super(`no answer from ${new URL(url).origin}`, { cause });
    this.name = "Unreachable";
  }
}

/** The service answered with an RFC 9457 problem, or with something that is not the service. */
export class Problem extends Error {
  /** @param {number} status @param {string} code @param {string[]} missing */
  constructor(status, code, missing = []) {
    super(`${status} ${code}`);
    this.name = "Problem";
    this.status = status;
    this.code = code;
    this.missing = missing;
  }
}

/**
 * @typedef {{captureId: string, state: "committed" | "sealed", proof: import("../seal/events.js").Proof, missing: string[]}} CommitAnswer
 * @typedef {typeof globalThis.fetch} Fetch
 */

export class ServiceClient {
  /** @param {{serverUrl: string, token?: string, fetch?: Fetch}} options `serverUrl`: an origin */
  constructor({ serverUrl, token, fetch = globalThis.fetch.bind(globalThis) }) {
    this.serverUrl = serverUrl;
    this.token = token;
    this.fetch = fetch;
  }

  /** @param {{pairingCode: string, publicKey: string, label: string}} device @returns {Promise<any>} unchecked; see pairing.js */
  async pair({ pairingCode, publicKey, label }) {
    const body = JSON.stringify({ pairing_code: pairingCode, public_key: publicKey, label });
    return this.#json("/api/v1/devices", { method: "POST", body, headers: { "Content-Type": "application/json" } });
  }

  /** @param {AbortSignal} signal @returns {Promise<any>} unchecked; see challenge.js */
  async challenge(signal) {
    return this.#json("/api/v1/challenge", { signal });
  }

  /** @param {string} envelope @returns {Promise<CommitAnswer>} its proof not verified */
  async commit(envelope) {
    const headers = { "Content-Type": "application/vnd.in-toto+json" };
    const answer = await this.#json("/api/v1/captures", { method: "POST", body: envelope, headers });
    if (answer?.state !== "committed" && answer?.state !== "sealed") throw new SealError("answer", "no state");
    return { captureId: String(answer.capture_id), state: answer.state, proof: parseProof(answer), missing: parseMissing(answer.missing) };
  }

  /** @param {string} captureId @param {string} sha256 @param {Blob} blob at most 16 MiB */
  async putArtifact(captureId, sha256, blob) {
    const signal = AbortSignal.timeout(timeoutMs(blob.size));
    await this.request(artifactPath(captureId, sha256), { method: "PUT", body: blob, signal, headers: { "Content-Type": "application/octet-stream" } });
  }

  /** @param {string} captureId @returns {Promise<import("../seal/events.js").Proof>} not verified @throws {Problem} 409 with `missing` */
  async seal(captureId) {
    const signal = AbortSignal.timeout(10 * SMALL_TIMEOUT_MS); // the service re-hashes every byte before it answers
    return parseProof(await this.#json(`/api/v1/captures/${captureId}/seal`, { method: "POST", signal }));
  }

  /** @param {Blob} picture at most 32 MiB; the service keeps nothing of it @returns {Promise<any>} unchecked; see seen/answer.js */
  async searchImage(picture) {
    const signal = AbortSignal.timeout(timeoutMs(picture.size));
    return this.#json("/api/v1/images/search", { method: "POST", body: picture, signal, headers: { "Content-Type": "application/octet-stream" } });
  }

  /**
   * @param {string} path of the service, from its root @param {RequestInit} init
   * @returns {Promise<Response>} with a 2xx status @throws {Unreachable | Problem}
   */
  async request(path, init) {
    const url = `${this.serverUrl}${path}`;
    const headers = new Headers(init.headers);
    if (this.token !== undefined) headers.set("Authorization", `Bearer ${this.token}`);
    const signal = init.signal ?? AbortSignal.timeout(SMALL_TIMEOUT_MS);
    /** @type {Response} */
    let response;
    try {
      response = await this.fetch(url, { ...init, headers, signal, credentials: "omit", redirect: "error", cache: "no-store", referrerPolicy: "no-referrer" });
    } catch (cause) {
      throw new Unreachable(url, cause);
    }
    if (!response.ok) throw await readProblem(response);
    return response;
  }

  /** @param {string} path @param {RequestInit} init @returns {Promise<any>} */
  async #json(path, init) {
    const response = await this.request(path, init);
    return parseJson(await readText(response), "answer");
  }
}

/** @param {string} captureId @param {string} sha256 */
export function artifactPath(captureId, sha256) {
  return `/api/v1/captures/${captureId}/artifacts/${sha256}`;
}

/** @param {number} sizeBytes @returns {number} milliseconds that a line of 16 KiB/s needs, and half a minute */
export function timeoutMs(sizeBytes) {
  return SMALL_TIMEOUT_MS + Math.ceil((sizeBytes / SLOWEST_BYTES_PER_S) * 1000);
}

/** @param {Response} response */
async function readText(response) {
  let text;
  try {
    text = await response.text();
  } catch (cause) {
    throw new Unreachable(response.url || "http://cut.invalid", cause);
  }
  if (text.length > MAX_ANSWER_CHARS) throw new SealError("answer", "larger than 4 MiB");
  return text;
}

/** @param {Response} response @returns {Promise<Problem>} */
async function readProblem(response) {
  /** @type {any} */
  let body = null;
  try {
    body = parseJson(await readText(response), "problem");
  } catch (error) {
    if (!(error instanceof SealError)) throw error; // a proxy's HTML page: the status alone speaks
  }
  const code = typeof body?.code === "string" && /^[a-z0-9_]{1,60}$/.test(body.code) ? body.code : "unknown";
  return new Problem(response.status, code, parseMissing(body?.missing));
}

/** @param {any} answer @returns {import("../seal/events.js").Proof} */
function parseProof(answer) {
  if (typeof answer?.receipt !== "string" || typeof answer.event !== "string") throw new SealError("answer", "no receipt");
  return { receipt: answer.receipt, event: answer.event };
}

/** @param {unknown} value @returns {string[]} */
function parseMissing(value) {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === "string" && /^[0-9a-f]{64}$/.test(entry)) : [];
}
