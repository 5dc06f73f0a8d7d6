import { concat, hex, isEqual, parseBase64, utf8 } from "./encoding.js";
import { SealError } from "./errors.js";
import { HASH_BYTES } from "./merkle.js";
import { sha256, sha256Hex } from "./hashing.js";

/** C2SP signed notes and checkpoints, read side. Source: C2SP signed-note, tlog-checkpoint. */

const KINDS = [0x01, 0x04]; // Ed25519 signature, Ed25519 cosignature/v1
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const MAX_NOTE_BYTES = 1 << 16;
const MAX_SIGNATURES = 64;
const SPKI_PREFIX = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00); // RFC 8410 §4

/**
 * @typedef {import("./encoding.js").Bytes} Bytes
 * @typedef {{name: string, kind: number, hash: Bytes, publicKey: Bytes, keyId: string}} VerifierKey `kind` 1 signs notes, 4 cosigns; `keyId` is the SHA-256 of the SPKI DER, as DSSE uses it
 * @typedef {{text: string, signatures: {name: string, hash: Bytes, signature: Bytes}[]}} Note
 * @typedef {{origin: string, size: number, root: Bytes}} Checkpoint
 */

/** @param {string} vkey `<name>+<8 hex>+<base64(kind ‖ key)>` @returns {VerifierKey} its key hash checked @throws {SealError} */
export function parseVkey(vkey) {
  const [name, hash, ...rest] = vkey.split("+");
  const encoded = rest.join("+"); // base64 has plus signs of its own
  if (!name || !isKeyName(name) || !hash || !/^[0-9a-f]{8}$/.test(hash)) throw new SealError("verifier key", "not <name>+<hash>+<key>");
  const key = parseBase64(encoded, "verifier key");
  const kind = key[0] ?? 0;
  if (key.length !== 1 + KEY_BYTES || !KINDS.includes(kind)) throw new SealError("verifier key", "not an Ed25519 key");
  const expected = sha256(concat(utf8(`${name}\n`), key)).slice(0, 4);
  if (hex(expected) !== hash) throw new SealError("verifier key", "the key hash belongs to another name or key");
  const publicKey = key.slice(1);
  return { name, kind, hash: expected, publicKey, keyId: sha256Hex(concat(SPKI_PREFIX, publicKey)) };
}

/** @param {string} text @returns {Note} strict shape. Not checked: any signature. @throws {SealError} */
export function parseNote(text) {
  if (utf8(text).length > MAX_NOTE_BYTES) throw new SealError("note", "larger than 64 KiB");
  if (/[\u0000-\u0009\u000b-\u001f]/.test(text)) throw new SealError("note", "a control character");
  const split = text.lastIndexOf("\n\n");
  if (split < 0 || !text.endsWith("\n")) throw new SealError("note", "no signature block");
  const lines = text.slice(split + 2, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) throw new SealError("note", "too many signatures");
  return { text: text.slice(0, split + 1), signatures: lines.map(parseSignatureLine) };
}

/** @param {string} line `— <name> <base64(hash ‖ signature)>` */
function parseSignatureLine(line) {
  const match = /^\u2014 (\S+) (\S+)$/.exec(line);
  const [, name, encoded] = match ?? [];
  if (!name || !encoded || !isKeyName(name)) throw new SealError("note", "a signature line is malformed");
  const bytes = parseBase64(encoded, "note signature");
  if (bytes.length < 5) throw new SealError("note", "a signature is too short");
  return { name, hash: bytes.slice(0, 4), signature: bytes.slice(4) };
}

/**
 * The note's text if `key` signed it. Lines of other keys (witnesses) are passed over: C2SP asks for exactly that.
 * @param {Note} note @param {VerifierKey} key @returns {Promise<string>} @throws {SealError}
 */
export async function verifyNote(note, key) {
  if (key.kind !== 0x01) throw new SealError("note", "a witness's key does not sign checkpoints");
  const lines = note.signatures.filter((line) => line.name === key.name && isEqual(line.hash, key.hash));
  if (lines.length === 0) throw new SealError("note", "not signed by the pinned key");
  if (lines.length > 1) throw new SealError("note", "two signatures by the same key");
  const line = /** @type {Note["signatures"][number]} */ (lines[0]);
  if (line.signature.length !== SIGNATURE_BYTES) throw new SealError("note", "the signature is not 64 bytes");
  const imported = await crypto.subtle.importKey("raw", key.publicKey, "Ed25519", false, ["verify"]);
  if (!(await crypto.subtle.verify("Ed25519", imported, line.signature, utf8(note.text)))) throw new SealError("note", "the signature does not hold");
  return note.text;
}

/** @param {string} text a note's text @returns {Checkpoint} Not checked: who signed it. @throws {SealError} */
export function parseCheckpoint(text) {
  const [origin, size, root, ...rest] = text.split("\n");
  if (!origin || size === undefined || root === undefined || rest.length === 0) throw new SealError("checkpoint", "not origin, size and root");
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(size) || !Number.isSafeInteger(Number(size))) throw new SealError("checkpoint", "the size is not a plain number");
  if (rest.at(-1) !== "" || rest.slice(0, -1).includes("")) throw new SealError("checkpoint", "an extension line is empty");
  const hash = parseBase64(root, "checkpoint root");
  if (hash.length !== HASH_BYTES) throw new SealError("checkpoint", "the root is not 32 bytes");
  return { origin, size: Number(size), root: hash };
}

/** @param {string} name */
function isKeyName(name) {
  return name !== "" && !/[\s+]/u.test(name);
}
