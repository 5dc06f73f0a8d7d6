import { requestHead, responseHead } from "../../archive/http.js";
import { concat } from "../../seal/encoding.js";
import { hashBlob } from "../../seal/hashing.js";
import { bytesFromBase64, changeText } from "../bodybytes.js";
import { bodyName, readBody } from "./bodies.js";
import { markOfOriginal } from "../secrets/original.js";

/** @typedef {import("./types.js").Exchange} Exchange */
/** @typedef {import("../types.js").PageResource} PageResource */
/** @typedef {import("../types.js").OmittedResource} OmittedResource */
/** @typedef {import("../../seal/encoding.js").Bytes} Bytes */

const TEXTUAL = /^(text\/|image\/svg)|json|javascript|ecmascript|xml|x-www-form-urlencoded|mpegurl/i;
const MAX_TEXT_BYTES = 32 << 20;
const IN_MEMORY_BYTES = 1 << 20;

/**
 * Puts a recording into the archive of a capture: each answer with its request, byte for byte; secrets taken out of both.
 *
 * Binary bodies above a mebibyte go from file to file in chunks. A text that is too large to be searched for secrets is left out.
 */
export class RecordedArchive {
  /** @param {{writer: import("../../archive/warc.js").WarcWriter, stripper: import("../secrets/stripper.js").SecretStripper, resources: PageResource[],
   *   folder: FileSystemDirectoryHandle, isSecondLoad: boolean, mark?: Record<string, unknown>}} parts `mark` goes into every record's metadata and resource */
  constructor({ writer, stripper, resources, folder, isSecondLoad, mark = {} }) {
    this.writer = writer;
    this.stripper = stripper;
    this.resources = resources;
    this.folder = folder;
    this.isSecondLoad = isSecondLoad;
    this.mark = mark;
    /** @type {OmittedResource[]} one for each exchange that is not among the resources */
    this.omitted = [];
  }

  /** @param {Exchange[]} exchanges @returns {Promise<void>} captured and omitted are then together what was recorded */
  async write(exchanges) {
    for (const exchange of exchanges) {
      if (!/^(https?|blob|file|ftp|wss?):/.test(exchange.url)) continue; // inline data and the browser's own were not asked of anybody
      const reason = exchange.omitted === "" ? await this.#writeAnswer(exchange) : exchange.omitted;
      if (reason === "") continue;
      if (exchange.redirectTo !== null && exchange.status !== null) await this.#writeHeadOnly(exchange);
      this.omitted.push({ url: exchange.url, type: exchange.type, reason, ...(exchange.method === "GET" ? {} : { method: exchange.method }) });
    }
  }

  /** @param {Exchange} exchange @returns {Promise<string>} why it could not be written; "" when it is */
  async #writeAnswer(exchange) {
    const blob = await readBody(this.folder, bodyName(exchange.key));
    if (blob === null) return "its body is not in the browser's file system any more";
    const isText = TEXTUAL.test(exchange.mime);
    if (isText && blob.size > MAX_TEXT_BYTES && !this.stripper.keep) return `a text of ${blob.size} bytes: too large to be searched for secrets`;
    const url = this.stripper.url(exchange.url, "address");
    const original = isText || blob.size <= IN_MEMORY_BYTES ? new Uint8Array(await blob.arrayBuffer()) : null;
    const clean = original && isText ? this.#strip(original, url) : original;
    const payload = clean ?? blob;
    const removed = clean !== original;
    const resource = await this.#describe(exchange, { url, payload, removed, original });
    const redacted = removed && original && exchange.exact
      ? { derivedFrom: this.#source(exchange), originalHmacSha256: resource.originalHmacSha256, originalSizeBytes: original.length } : undefined;
    const { payloadDigest } = exchange.exact ? await this.#writeResponse(exchange, url, payload, { resource, redacted })
      : await this.#writeResource(exchange, url, payload, resource);
    this.resources.push({ ...resource, sha256: payloadDigest.replace("sha256:", "") });
    return "";
  }

  /** @param {Exchange} exchange @param {{url: string, payload: Bytes | Blob, removed: boolean, original: Bytes | null}} body @returns {Promise<PageResource>} its hash is told by the record */
  async #describe(exchange, { url, payload, removed, original }) {
    const { type, status, mime, method, bodyNote, servedBy } = exchange;
    const exact = exchange.exact && !removed;
    const note = [bodyNote, removed ? "secrets were removed" : "", servedBy === "service_worker" ? "answered by the page's service worker" : "",
      servedBy === "prefetch" ? "fetched before it was needed" : ""].filter(Boolean).join("; ");
    return { url, type, status, mime, source: exact ? this.#source(exchange) : "generated", sha256: "", sizeBytes: sizeOf(payload), exact,
      ...(method === "GET" ? {} : { method }), ...(note ? { note } : {}), ...(removed && original && exchange.exact ? { originalHmacSha256: markOfOriginal(this.stripper, await hashBlob(new Blob([original]))) } : {}), ...this.mark };
  }

  /** @param {Exchange} exchange @returns {PageResource["source"]} */
  #source({ servedBy }) {
    if (this.isSecondLoad) return "refetched";
    if (servedBy === "memory") return "live_memory";
    return servedBy === "disk" || servedBy === "prefetch" ? "http_cache" : "live_stream";
  }

  /** @param {Bytes} bytes @param {string} url @returns {Bytes} the same object when nothing had to be removed */
  #strip(bytes, url) {
    return this.stripper.keep ? bytes : changeText(bytes, (text) => this.stripper.text(text, `body of ${url}`));
  }

  /** @param {Exchange} exchange @param {string} url @param {Bytes | Blob} payload @param {{resource: PageResource, redacted?: Record<string, unknown>}} about redacted: what the bytes were */
  async #writeResponse(exchange, url, payload, { resource, redacted }) {
    const head = responseHead(exchange.statusLine, this.stripper.headers(exchange.responseHeaders, `response ${url}`), sizeOf(payload));
    const written = await this.writer.write({ type: "response", targetUri: url, date: dateOf(exchange), contentType: "application/http; msgtype=response",
      head, payload, mime: exchange.mime, status: exchange.status, headers: networkOf(exchange),
      metadata: { source: resource.source, exact: resource.exact, ...redacted, ...(resource.note ? { note: resource.note } : {}), ...(exchange.servedBy ? { servedBy: exchange.servedBy } : {}), ...this.mark } });
    await this.#writeRequest(exchange, url, written.recordId);
    return written;
  }

  /** @param {Exchange} exchange @param {string} url @param {Bytes | Blob} payload @param {PageResource} resource */
  async #writeResource(exchange, url, payload, resource) {
    const written = await this.writer.write({ type: "resource", targetUri: url, date: dateOf(exchange), contentType: exchange.mime || "application/octet-stream", payload,
      status: exchange.status, headers: networkOf(exchange), metadata: { source: resource.source, exact: false, derivedFrom: this.#source(exchange), note: resource.note, ...this.mark } });
    await this.#writeRequest(exchange, url, written.recordId);
    return written;
  }

  /** A redirect: its head is known, its body is not, and the record says so. @param {Exchange} exchange */
  async #writeHeadOnly(exchange) {
    const url = this.stripper.url(exchange.url, "address");
    const head = responseHead(exchange.statusLine, this.stripper.headers(exchange.responseHeaders, `response ${url}`), 0);
    const { recordId } = await this.writer.write({ type: "response", targetUri: url, date: dateOf(exchange), contentType: "application/http; msgtype=response",
      head, payload: new Uint8Array(0), mime: "", status: exchange.status, headers: [...networkOf(exchange), ["WARC-Truncated", "unspecified"]],
      metadata: { source: "generated", headersOnly: true, ...this.mark } });
    await this.#writeRequest(exchange, url, recordId);
  }

  /** @param {Exchange} exchange @param {string} url @param {string} concurrentTo */
  async #writeRequest(exchange, url, concurrentTo) {
    if (!/^https?:/.test(url)) return;
    const { bytes, isChanged } = this.#requestBody(exchange, url);
    /** @type {[string, string][]} */
    const headers = this.stripper.headers(exchange.requestHeaders.filter(([name]) => !name.startsWith(":")), `request ${url}`);
    const framed = isChanged ? headers.map(([name, value]) => /** @type {[string, string]} */ ([/^content-length$/i.test(name) ? `X-Archive-Orig-${name}` : name, value])) : headers;
    const head = requestHead(exchange.method, url, isChanged ? [...framed, ["Content-Length", String(bytes.length)]] : framed);
    const note = [exchange.requestBodyNote, isChanged ? "secrets were removed from the request's body" : ""].filter(Boolean).join("; ");
    await this.writer.write({ type: "request", targetUri: url, date: new Date(exchange.startedAt), contentType: "application/http; msgtype=request",
      payload: concat(head, bytes), headers: [["WARC-Concurrent-To", `<${concurrentTo}>`]], ...(note ? { metadata: { requestBody: note } } : {}) });
  }

  /** @param {Exchange} exchange @param {string} url @returns {{bytes: Bytes, isChanged: boolean}} */
  #requestBody({ requestBody }, url) {
    if (requestBody === null) return { bytes: new Uint8Array(0), isChanged: false };
    const original = bytesFromBase64(requestBody);
    const bytes = changeText(original, (text) => this.stripper.sent(text, `request ${url}`));
    return { bytes, isChanged: bytes !== original };
  }
}

/** @param {Exchange} exchange @returns {Date} */
function dateOf({ respondedAt, startedAt }) {
  return new Date(respondedAt ?? startedAt);
}

/** @param {Exchange} exchange @returns {[string, string][]} */
function networkOf({ ip, protocol }) {
  /** @type {[string, string][]} */
  const found = [];
  if (ip) found.push(["WARC-IP-Address", ip]);
  if (/^(https?\/[\d.]+|h[23].*|spdy.*|quic.*)$/i.test(protocol)) found.push(["WARC-Protocol", protocol]);
  return found;
}

/** @param {Bytes | Blob} payload */
function sizeOf(payload) {
  return payload instanceof Blob ? payload.size : payload.length;
}
