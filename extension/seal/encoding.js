import { SealError } from "./errors.js";

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const SLICE_BYTES = 0x8000;

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

/** @param {string} text @returns {Bytes} UTF-8 */
export function utf8(text) {
  return new TextEncoder().encode(text);
}

/** @param {Uint8Array} bytes @param {string} part for the error @returns {string} strict UTF-8, no byte order mark is dropped */
export function parseUtf8(bytes, part) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new SealError(part, `not UTF-8 (${String(cause)})`);
  }
}

/** @param {Uint8Array} bytes @returns {string} standard base64 with padding */
export function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) text += String.fromCharCode(...bytes.subarray(at, at + SLICE_BYTES));
  return btoa(text);
}

/**
 * The bytes of a standard, padded base64 text; no white space, no URL alphabet, no stray bits in the last group.
 * @param {string} text @param {string} part for the error @returns {Bytes}
 */
export function parseBase64(text, part) {
  if (!BASE64.test(text)) throw new SealError(part, "not standard base64");
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  if (base64(bytes) !== text) throw new SealError(part, "base64 with stray bits");
  return bytes;
}

/** @param {Uint8Array} bytes @returns {string} lower-case hex */
export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {...Uint8Array} parts @returns {Bytes} */
export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** @param {Uint8Array} left @param {Uint8Array} right */
export function isEqual(left, right) {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
