import { concat, utf8 } from "../../seal/encoding.js";

/** @typedef {import("../passive.js").PassiveRequest} PassiveRequest */
/** @typedef {[string, string][]} Headers */

const MAX_REQUEST_BODY = 256 << 10;
const LISTED = /^(set-cookie2?|www-authenticate|proxy-authenticate|link|via|warning)$/i;

/**
 * What an event about an answer tells.
 * @param {any} details @returns {Partial<PassiveRequest> & {responseHeaders: Headers}} only what it holds
 */
export function answerFacts(details) {
  const { timeStamp, statusLine, statusCode, ip, fromCache, responseHeaders = [] } = details;
  const headers = responseHeaders.flatMap(splitHeader);
  if (statusCode === undefined) return { responseHeaders: headers };
  return { respondedAt: timeStamp, statusLine, status: statusCode, ip: ip ?? null, fromCache: fromCache === true, responseHeaders: headers,
    ...(protocolOf(statusLine) ? { protocol: protocolOf(statusLine) } : {}) };
}

/**
 * The browser joins lines of one name with line feeds; a header's value holds none, so each is a line of its own again.
 * @param {{name: string, value?: string, binaryValue?: number[]}} header @returns {Headers}
 */
function splitHeader({ name, value, binaryValue }) {
  if (value === undefined && binaryValue === undefined) return [["X-Holdstill-Omitted", `${name}; not text`]];
  const text = value ?? Array.from(binaryValue ?? [], (byte) => String.fromCharCode(byte)).join("");
  return (LISTED.test(name) ? text.split("\n") : [text]).map((line) => [name, line]);
}

/** @param {string} statusLine @returns {string | undefined} as WARC-Protocol has it; an HTTP/1 line says it itself */
function protocolOf(statusLine) {
  const version = /^HTTP\/([23])/.exec(statusLine ?? "")?.[1];
  return version === undefined ? undefined : `h${version}`;
}

/**
 * @param {any} body of onBeforeRequest @returns {import("./ringbuffer.js").RequestBody | null} null: none; a form's fields are put together again, for
 *   the browser gives them parsed: the note says so
 */
export function requestBodyOf(body) {
  if (!body) return null;
  if (body.formData) {
    const fields = Object.entries(body.formData).flatMap(([name, values]) => /** @type {string[]} */ (values).map((value) => [name, value]));
    return capped(utf8(new URLSearchParams(fields).toString()), "put together from the form's fields");
  }
  if (!body.raw) return { bytes: new Uint8Array(0), note: `omitted: ${body.error ?? "not given by the browser"}` };
  const parts = body.raw.map((/** @type {{bytes?: ArrayBuffer}} */ { bytes }) => new Uint8Array(bytes ?? new ArrayBuffer(0)));
  return capped(concat(...parts), body.raw.some((/** @type {{file?: string}} */ { file }) => file !== undefined) ? "without the files that were sent" : "");
}

/** @param {import("../../seal/encoding.js").Bytes} bytes @param {string} note @returns {import("./ringbuffer.js").RequestBody} */
function capped(bytes, note) {
  return bytes.length <= MAX_REQUEST_BODY ? { bytes, note } : { bytes: new Uint8Array(0), note: `omitted: ${bytes.length} bytes` };
}

/**
 * @param {any} details of onBeforeRequest @returns {string} the address of the page in the tab, for which the request is made; of a service worker's
 *   request, which belongs to no tab, the worker's or its page's address; "" for the browser's own
 */
export function topOf({ tabId, type, frameId, url, frameAncestors, documentUrl, originUrl }) {
  if (tabId < 0) return documentUrl ?? originUrl ?? "";
  if (type === "main_frame" && frameId === 0) return url;
  return frameAncestors?.at(-1)?.url ?? documentUrl ?? originUrl ?? url;
}
