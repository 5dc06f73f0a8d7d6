import { base64, concat, utf8 } from "./encoding.js";
import { sha256Hex } from "./hashing.js";

/**
 * The device key: one ECDSA P-384 pair for each browser profile.
 *
 * The private half is not extractable: no script, this one included, can read it; WebCrypto only signs with it. It lives in
 * IndexedDB as a CryptoKey and is gone when the extension is removed, which is why the service keeps every enrolled public key.
 * @typedef {{privateKey: CryptoKey, spki: import("./encoding.js").Bytes, keyId: string, createdAt: string}} DeviceKey
 */

const CURVE = { name: "ECDSA", namedCurve: "P-384" };
const SCALAR_BYTES = 48;

/** @param {Date} now @returns {Promise<DeviceKey>} a new pair; not stored */
export async function generateDeviceKey(now) {
  const pair = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey(CURVE, false, ["sign", "verify"]));
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
  return { privateKey: pair.privateKey, spki, keyId: sha256Hex(spki), createdAt: now.toISOString() };
}

/**
 * @param {DeviceKey} key @param {import("./encoding.js").Bytes} message
 * @returns {Promise<import("./encoding.js").Bytes>} ECDSA over SHA-384 in DER, the form of a DSSE signature (formats.md §2)
 */
export async function signMessage(key, message) {
  const raw = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-384" }, key.privateKey, message);
  return rawToDer(new Uint8Array(raw));
}

/**
 * Signs the digest text of a WACZ for `datapackage-digest.json`. The curve, SHA-256 and the raw r‖s are what the WACZ signing
 * specification and ReplayWeb.page expect; the DSSE signature over the statement is another one.
 * @param {DeviceKey} key @param {string} text `sha256:<hex of datapackage.json>`
 * @returns {Promise<{signature: string, publicKey: string}>} base64 r‖s (96 bytes) and base64 SPKI
 */
export async function signPageDigest(key, text) {
  const raw = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key.privateKey, utf8(text));
  return { signature: base64(new Uint8Array(raw)), publicKey: base64(key.spki) };
}

/**
 * `SEQUENCE { INTEGER r, INTEGER s }` of a WebCrypto P-384 signature.
 * @param {Uint8Array} raw 96 bytes, r‖s @returns {import("./encoding.js").Bytes} DER, minimal integers. Source: RFC 3279 §2.2.3
 */
export function rawToDer(raw) {
  if (raw.length !== 2 * SCALAR_BYTES) throw new RangeError(`a P-384 signature has 96 bytes, not ${raw.length}`);
  const body = concat(derInteger(raw.subarray(0, SCALAR_BYTES)), derInteger(raw.subarray(SCALAR_BYTES)));
  return concat(Uint8Array.of(0x30, body.length), body); // at most 2 * (2 + 49) = 102 bytes: a short-form length
}

/** @param {Uint8Array} scalar big-endian, unsigned */
function derInteger(scalar) {
  let start = 0;
  while (start < scalar.length - 1 && scalar[start] === 0) start += 1;
  const digits = scalar.subarray(start);
  const body = /** @type {number} */ (digits[0]) & 0x80 ? concat(Uint8Array.of(0), digits) : digits; // a set top bit would read as negative
  return concat(Uint8Array.of(0x02, body.length), body);
}
