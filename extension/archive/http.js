import { utf8 } from "../seal/encoding.js";

/** @typedef {import("../seal/encoding.js").Bytes} Bytes */
/** @typedef {[name: string, value: string][]} Headers  in the order they came; a name may repeat */

const MOVED = new Set(["content-encoding", "transfer-encoding", "content-length"]);
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * The head of a `response` block whose body is given decoded, as every browser API gives it.
 *
 * The old framing headers stay readable as `X-Archive-Orig-*` and the true length stands in `Content-Length`, so that
 * a replay neither inflates plain text nor cuts a body.
 * @param {string} statusLine @param {Headers} headers as received @param {number} bodyBytes @returns {Bytes} ends with the empty line
 */
export function responseHead(statusLine, headers, bodyBytes) {
  /** @type {Headers} */
  const kept = headers.map(([name, value]) => (MOVED.has(name.toLowerCase()) ? [`X-Archive-Orig-${name}`, value] : [name, value]));
  return head(statusLine, [...kept, ["Content-Length", String(bodyBytes)]]);
}

/** @param {string} method @param {string} url @param {Headers} headers @returns {Bytes} a `request` block without a body */
export function requestHead(method, url, headers) {
  const { pathname, search, host } = new URL(url);
  /** @type {Headers} */
  const hosted = headers.some(([name]) => name.toLowerCase() === "host") ? headers : [["Host", host], ...headers];
  return head(`${method} ${pathname}${search} HTTP/1.1`, hosted);
}

/** @param {string} firstLine @param {Headers} headers @returns {Bytes} */
function head(firstLine, headers) {
  const lines = headers.filter(([name]) => TOKEN.test(name)).map(([name, value]) => `${name}: ${oneLine(value)}\r\n`);
  return utf8(`${oneLine(firstLine)}\r\n${lines.join("")}\r\n`);
}

/** @param {string} text @returns {string} a header value cannot start a header of its own */
export function oneLine(text) {
  return text.replace(/[\r\n\0]+/g, " ").trim();
}
