/** @typedef {import("./types.js").Exchange} Exchange */

const MAX_HELD_BYTES = 32 << 20;
const ENDLESS = /^(text\/event-stream|multipart\/x-mixed-replace)/i;
const BODILESS = new Set([101, 204, 205, 304]);

/** @typedef {{way: "none" | "stream" | "hold" | "omit", reason: string}} BodyWay  none: such an answer has no body */

/**
 * How the body of an answer that the debugger holds is to be read, without changing what the page gets.
 *
 * *stream*: the browser copies each chunk to the debugger as the page receives it. *hold*: the body is read whole while the answer is held,
 * for what no page process knows yet (documents); memory of the browser's own process is several times the body, so there is a limit.
 * @param {Exchange} exchange @param {(sizeBytes: number) => boolean} hasRoom @returns {BodyWay}
 */
export function wayOf(exchange, hasRoom) {
  const { method, type, status, mime, responseHeaders } = exchange;
  const header = (/** @type {string} */ wanted) => responseHeaders.find(([name]) => name.toLowerCase() === wanted)?.[1] ?? "";
  if (method === "HEAD" || (status !== null && BODILESS.has(status))) return { way: "none", reason: "" };
  if (status !== null && status >= 300 && status < 400 && header("location") !== "") return { way: "omit", reason: "a redirect: the browser keeps no body of it" };
  if (ENDLESS.test(mime) || ENDLESS.test(header("content-type"))) return { way: "omit", reason: "a stream without an end: it is let pass" };
  if (type === "Document" && /^\s*attachment/i.test(header("content-disposition"))) return { way: "omit", reason: "a download: it is let pass" };
  const declared = Number(header("content-length")) || 0;
  if (!hasRoom(declared)) return { way: "omit", reason: "over the limit of a recording" };
  if (type !== "Document") return { way: "stream", reason: "" };
  return declared > MAX_HELD_BYTES ? { way: "omit", reason: `a document of ${declared} bytes: too large to be held` } : { way: "hold", reason: "" };
}

/** @param {Exchange} exchange @returns {"media" | "other"} the limit that its body counts for */
export function kindOf({ type, mime }) {
  return type === "Media" || /^(video|audio)\//i.test(mime) ? "media" : "other";
}

/**
 * Whether a body of that size is the whole of what the server announced: a body that came whole is whole, even when the browser calls its
 * loading aborted afterwards (a page that stops reading at the last byte; measured with a large fetch).
 * @param {Exchange} exchange @param {number} sizeBytes after content decoding @returns {boolean} false also when no length was announced
 */
export function isWhole({ responseHeaders }, sizeBytes) {
  const header = (/** @type {string} */ wanted) => responseHeaders.find(([name]) => name.toLowerCase() === wanted)?.[1];
  return header("content-encoding") === undefined && header("content-length") === String(sizeBytes);
}
