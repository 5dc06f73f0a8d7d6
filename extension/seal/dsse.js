import { base64, concat, parseBase64, parseUtf8, utf8 } from "./encoding.js";
import { SealError } from "./errors.js";
import { signMessage } from "./keys.js";

export const PAYLOAD_TYPE = "application/vnd.in-toto+json";
export const MAX_ENVELOPE_BYTES = 1 << 20;
const MEMBERS = "payload,payloadType,signatures";

/** @typedef {{payloadType: string, payload: import("./encoding.js").Bytes, keyId: string, signature: import("./encoding.js").Bytes}} Envelope */

/** @param {string} payloadType @param {Uint8Array} payload @returns {import("./encoding.js").Bytes} what is signed. Source: DSSE protocol, PAE */
export function pae(payloadType, payload) {
  return concat(utf8(`DSSEv1 ${utf8(payloadType).length} ${payloadType} ${payload.length} `), payload);
}

/**
 * @param {import("./keys.js").DeviceKey} key @param {import("./encoding.js").Bytes} payload
 * @returns {Promise<string>} the envelope file's text; these exact characters are kept, sent and hashed, never written anew
 */
export async function signEnvelope(key, payload) {
  const sig = base64(await signMessage(key, pae(PAYLOAD_TYPE, payload)));
  const text = JSON.stringify({ payloadType: PAYLOAD_TYPE, payload: base64(payload), signatures: [{ keyid: key.keyId, sig }] });
  if (text.length > MAX_ENVELOPE_BYTES) throw new SealError("envelope", `${text.length} bytes, the limit is ${MAX_ENVELOPE_BYTES}`);
  return text;
}

/** @param {string} text @returns {Envelope} strict shape, one signature. Not checked: the signature. */
export function parseEnvelope(text) {
  if (text.length > MAX_ENVELOPE_BYTES) throw new SealError("envelope", "larger than 1 MiB");
  /** @type {any} */
  const value = parseJson(text, "envelope");
  if (value === null || typeof value !== "object" || Array.isArray(value) || Object.keys(value).sort().join() !== MEMBERS) {
    throw new SealError("envelope", "not a DSSE envelope");
  }
  const [entry, ...more] = Array.isArray(value.signatures) ? value.signatures : [];
  if (typeof entry !== "object" || entry === null || more.length > 0) throw new SealError("envelope", "not exactly one signature");
  for (const part of [value.payload, value.payloadType, entry.keyid, entry.sig]) {
    if (typeof part !== "string") throw new SealError("envelope", "a member is not text");
  }
  if (value.payloadType !== PAYLOAD_TYPE) throw new SealError("envelope", `payload type ${value.payloadType}`);
  return {
    payloadType: value.payloadType,
    payload: parseBase64(value.payload, "envelope payload"),
    keyId: entry.keyid,
    signature: parseBase64(entry.sig, "envelope signature"),
  };
}

/**
 * @param {Envelope} envelope @param {{publicKey: import("./encoding.js").Bytes, keyId: string}} signer raw Ed25519 key and its key id
 * @returns {Promise<import("./encoding.js").Bytes>} the payload, its Ed25519 signature verified @throws {SealError}
 */
export async function verifyServiceEnvelope(envelope, signer) {
  if (envelope.keyId !== signer.keyId) throw new SealError("envelope", "signed by another key than the service's pinned one");
  const key = await crypto.subtle.importKey("raw", signer.publicKey, "Ed25519", false, ["verify"]);
  const message = pae(envelope.payloadType, envelope.payload);
  if (!(await crypto.subtle.verify("Ed25519", key, envelope.signature, message))) throw new SealError("envelope", "the service's signature does not hold");
  return envelope.payload;
}

/** @param {string} text @param {string} part @returns {unknown} */
export function parseJson(text, part) {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SealError(part, `not JSON (${cause instanceof Error ? cause.name : "error"})`);
  }
}

/** @param {import("./encoding.js").Bytes} payload @param {string} part @returns {unknown} */
export function parsePayload(payload, part) {
  return parseJson(parseUtf8(payload, part), part);
}
