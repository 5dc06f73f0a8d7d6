import { bytesFromBase64, bytesOfText } from "./bodybytes.js";
import { reasonOf } from "./steps.js";

/** @typedef {import("./debugger.js").TabDebugger} TabDebugger */
/** @typedef {import("./frames.js").Frame} Frame */
/** @typedef {import("../seal/encoding.js").Bytes} Bytes */

/**
 * A body as the browser gave it.
 * @typedef {object} ReadBody
 * @property {string} url
 * @property {string} type
 * @property {string} mime
 * @property {import("./types.js").BodySource} source
 * @property {Bytes} bytes
 * @property {string | null} text   when the browser gave it decoded
 * @property {boolean} exact
 * @property {string} note          why not exact; ""
 * @property {import("./responses.js").KnownResponse} [known]  the very response whose body this is; without it, one is looked for by address
 */

/** @typedef {{url: string, type: string, mime: string, sizeBytes: number | null, frame: Frame, isDocument: boolean}} Wanted */
/**
 * @typedef {object} Reader
 * @property {AbortSignal} signal
 * @property {(url: string, type: string) => string | null} charsetOf  the encoding that the response declared, where its headers are known
 * @property {(body: ReadBody) => Promise<void>} onBody                 awaited before the next body of the same lane is read
 * @property {(url: string, type: string, reason: string) => void} onOmitted
 */

const LANES = 5;
const READ_MS = 15000;
const MAX_BODY_BYTES = 64 << 20;
const REFETCHED = new Set(["Stylesheet", "Manifest"]);
const CAPTURABLE = /^(https?|blob|file|ftp):/;

/** @param {string} url @returns {boolean} whether an address stands for something that was loaded (not inline data, not the browser's or an extension's own) */
export function isLoadable(url) {
  return CAPTURABLE.test(url);
}

/**
 * Forbids the browser the requests that reading would make: it fetches stylesheets and manifests anew before it hands out anything of a
 * frame, and asks its cache for the documents. Blocked, it falls back to what the page holds in memory. A document is only blocked where
 * a service worker answers for the page: the question to the cache goes through that worker, which may ask the site (measured). Otherwise the site
 * sees nothing (measured). Must precede readBodies().
 * @param {TabDebugger} tab @param {Frame[]} frames @returns {Promise<void>}
 */
export async function blockRefetch(tab, frames) {
  for (const target of tab.frames) {
    const urls = frames.filter((frame) => frame.target === target).flatMap(({ url: document, resources, probe }) => [
      ...(probe?.controller === null ? [] : [document]), ...resources.filter(({ type }) => REFETCHED.has(type)).map(({ url }) => url), ...probe?.sheets ?? []]);
    const both = urls.flatMap((url) => [url, url.replace(/#.*$/, "")]).filter(isLoadable);
    await tab.send(target, "Network.setBlockedURLs", { urls: [...new Set(both)] });
  }
}

/** @param {TabDebugger} tab @returns {Promise<void>} the page may load what it likes again */
export async function unblockRefetch(tab) {
  for (const target of tab.frames) await tab.send(target, "Network.setBlockedURLs", { urls: [] });
}

/**
 * Reads every listed body: documents first (they teach which secrets to look for), then the rest, some at a time.
 * @param {TabDebugger} tab @param {Frame[]} frames @param {Reader} reader @returns {Promise<void>}
 */
export async function readBodies(tab, frames, reader) {
  const documents = frames.filter(({ url }) => isLoadable(url));
  for (const { url, probe } of documents) {
    if (probe?.controller !== null) reader.onOmitted(url, "Document", "to read it could have asked the site: a service worker answers for this page");
  }
  await readAll(tab, documents.filter(({ probe }) => probe?.controller === null).map((frame) => (
    { url: frame.url, type: "Document", mime: frame.mime, sizeBytes: documentSize(frame), frame, isDocument: true })), reader);
  await readAll(tab, frames.flatMap((frame) => frame.resources.filter(({ url }) => isLoadable(url)).map((resource) => (
    { ...resource, frame, isDocument: false }))), reader);
}

/** @param {Frame} frame @returns {number | null} of the load that is on screen, as the page's own timing has it */
function documentSize({ probe }) {
  const size = probe?.timing.find(({ kind }) => kind === "navigation")?.sizeBytes;
  return size === undefined || size === 0 ? null : size;
}

/** @param {TabDebugger} tab @param {Wanted[]} wanted @param {Reader} reader */
async function readAll(tab, wanted, reader) {
  const waiting = [...wanted];
  const lane = async () => {
    for (let next = waiting.shift(); next && !reader.signal.aborted; next = waiting.shift()) await readOne(tab, next, reader);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/** @param {TabDebugger} tab @param {Wanted} wanted @param {Reader} reader */
async function readOne(tab, wanted, reader) {
  const { url, type, frame, sizeBytes } = wanted;
  if (sizeBytes !== null && sizeBytes > MAX_BODY_BYTES) return reader.onOmitted(url, type, `larger than ${MAX_BODY_BYTES} bytes: ${sizeBytes}`);
  let answer;
  try {
    answer = await tab.send(frame.target, "Page.getResourceContent", { frameId: frame.id, url }, READ_MS);
  } catch (error) {
    return reader.onOmitted(url, type, `the browser gave no content: ${reasonOf(error)}`);
  }
  if (reader.signal.aborted) return undefined;
  if (answer.content === "" && sizeBytes !== 0) return reader.onOmitted(url, type, "the browser gave empty content");
  const { bytes, exact, reason } = answer.base64Encoded ? binary(answer.content, sizeBytes) : bytesOfText(answer.content, {
    sizeBytes, charset: declaredCharset(wanted, reader) });
  return reader.onBody({ url, type, mime: wanted.mime, source: wanted.isDocument ? "http_cache" : "live_memory", bytes, exact, note: reason,
    text: answer.base64Encoded ? null : answer.content });
}

/** @param {Wanted} wanted @param {Reader} reader @returns {string | null} */
function declaredCharset({ url, type, frame, isDocument }, reader) {
  if (isDocument) return frame.probe?.charset ?? null;
  if (type === "Script" && frame.probe?.modules.includes(url)) return "utf-8"; // HTML standard: module scripts are decoded as UTF-8
  return reader.charsetOf(url, type);
}

/** @param {string} content base64 @param {number | null} sizeBytes @returns {import("./bodybytes.js").BodyBytes} */
function binary(content, sizeBytes) {
  const bytes = bytesFromBase64(content);
  const exact = sizeBytes === null || sizeBytes === bytes.length;
  return { bytes, exact, reason: exact ? "" : `${bytes.length} bytes given, the body had ${sizeBytes}` };
}
