import { concat, utf8 } from "../seal/encoding.js";
import { fitsLegacyEncoding } from "./legacyencodings.js";

/** @typedef {import("../seal/encoding.js").Bytes} Bytes */
/**
 * @typedef {object} BodyBytes
 * @property {Bytes} bytes
 * @property {boolean} exact    true: these are, provably, the bytes the browser received (after content decoding)
 * @property {string} reason    why not; "" when exact
 */

const BYTE_ORDER_MARK = Uint8Array.of(0xef, 0xbb, 0xbf);
const REPLACEMENT = "\uFFFD";
// eslint-disable-next-line no-control-regex
const ASCII = /^[\u0000-\u007f]*$/;
/** The single-byte encodings of the Encoding Standard. A decoder of each is a table of 256 characters. */
const SINGLE_BYTE = new Set(["ibm866", "iso-8859-2", "iso-8859-3", "iso-8859-4", "iso-8859-5", "iso-8859-6", "iso-8859-7", "iso-8859-8", "iso-8859-8-i",
  "iso-8859-10", "iso-8859-13", "iso-8859-14", "iso-8859-15", "iso-8859-16", "koi8-r", "koi8-u", "macintosh", "windows-874", "windows-1250",
  "windows-1251", "windows-1252", "windows-1253", "windows-1254", "windows-1255", "windows-1256", "windows-1257", "windows-1258", "x-mac-cyrillic"]);

/**
 * The original bytes of a text body, where they can be known.
 *
 * The browser hands out stylesheets, scripts and documents as a decoded string: byte order mark gone, every invalid byte
 * replaced by U+FFFD, the encoding not named. What it does name is the length the body had. So:
 * 1. U+FFFD in the text: something was replaced, or may have been → not exact.
 * 2. UTF-8 decodes one to one. If the text's UTF-8 form has the body's length, those are its bytes; if the body is three bytes longer, the
 *    byte order mark stood before them; unless another encoding, of those not excluded by a declaration, has that length too.
 * 3. One byte for each character, in a single-byte encoding that the response or the document *declared*: its table, read backwards,
 *    where no two bytes share a character. Without a declaration the table would be a guess → not exact.
 * 4. Everything else → the text in UTF-8, not exact.
 * @param {string} text @param {{sizeBytes: number | null, charset: string | null}} known size after content decoding; declared encoding
 * @returns {BodyBytes} Source: Encoding Standard §4, §9; measured in Chromium (`contentSize` of the resource tree is that length)
 */
export function bytesOfText(text, { sizeBytes, charset }) {
  const encoded = utf8(text);
  if (text.includes(REPLACEMENT)) return { bytes: encoded, exact: false, reason: "the browser replaced bytes that it could not decode" };
  if (sizeBytes === null) return { bytes: encoded, exact: false, reason: "the original length is not known" };
  const isUtf8 = encoded.length === sizeBytes;
  if (isUtf8 && ASCII.test(text)) return { bytes: encoded, exact: true, reason: "" };
  if (isUtf8 || encoded.length + BYTE_ORDER_MARK.length === sizeBytes) {
    if (fitsAnother(text, sizeBytes, charset)) return { bytes: encoded, exact: false, reason: "two encodings would give this text in that length" };
    return { bytes: isUtf8 ? encoded : concat(BYTE_ORDER_MARK, encoded), exact: true, reason: "" };
  }
  const single = text.length === sizeBytes && charset !== null ? encodeSingleByte(text, charset) : null;
  if (single !== null) return { bytes: single, exact: true, reason: "" };
  return { bytes: encoded, exact: false, reason: `decoded text of ${encoded.length} bytes in UTF-8, the body had ${sizeBytes}` };
}

/** @param {string} text @param {number} sizeBytes @param {string | null} charset @returns {boolean} whether the length fits an encoding besides UTF-8 */
function fitsAnother(text, sizeBytes, charset) {
  const declared = charset === null ? null : encodingName(charset);
  return fitsLegacyEncoding(text, sizeBytes, declared); // single-byte ones never fit: one byte for each character is less than UTF-8
}

/** @param {string} text @param {string} charset @returns {Bytes | null} null: not a single-byte encoding, or not one to one */
function encodeSingleByte(text, charset) {
  const name = encodingName(charset);
  if (name === null || !SINGLE_BYTE.has(name)) return null;
  const table = new TextDecoder(name).decode(Uint8Array.from({ length: 256 }, (_zero, byte) => byte));
  /** @type {Map<string, number>} */
  const byteOf = new Map();
  for (let byte = 0; byte < table.length; byte += 1) {
    if (table[byte] !== REPLACEMENT && byteOf.has(table[byte])) return null;
    byteOf.set(table[byte], byte);
  }
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) {
    const byte = byteOf.get(text[at]);
    if (byte === undefined) return null;
    bytes[at] = byte;
  }
  return bytes;
}

/** @param {string} label @returns {string | null} the encoding's name in the Encoding Standard; null for an unknown label */
function encodingName(label) {
  try {
    return new TextDecoder(label.trim()).encoding;
  } catch {
    return null;
  }
}

/** @param {string} contentType @returns {string | null} the charset parameter */
export function charsetOf(contentType) {
  return /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType)?.[1] ?? null;
}

/** @param {string} text base64 @returns {Bytes} fast: the browser's own decoder, where there is one */
export function bytesFromBase64(text) {
  const native = /** @type {{fromBase64?: (text: string) => Bytes}} */ (/** @type {unknown} */ (Uint8Array)).fromBase64;
  return native ? native.call(Uint8Array, text) : Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

/**
 * Text in bytes of which the encoding is not known: UTF-8 where it is that, else one character for each byte. Credentials are ASCII mostly, and every
 * encoding of the web but UTF-16 has ASCII in place.
 * @param {Bytes} bytes @param {(text: string) => string} change @returns {Bytes} the same object when the text stays
 */
export function changeText(bytes, change) {
  let text = "";
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
    const clean = change(text);
    return clean === text ? bytes : Uint8Array.from(clean, (char) => char.charCodeAt(0));
  }
  const clean = change(text);
  return clean === text ? bytes : utf8(clean);
}
