import { requestHead, responseHead } from "../archive/http.js";
import { concat, hex, utf8 } from "../seal/encoding.js";
import { bytesFromBase64, changeText } from "./bodybytes.js";
import { changeMhtmlText, referToBodies } from "./mhtml.js";
import { learnBody } from "./secrets/learn.js";
import { markOfOriginal } from "./secrets/original.js";

/** @typedef {import("./bodies.js").ReadBody} ReadBody */
/** @typedef {import("./types.js").PageResource} PageResource */
/** @typedef {import("./pageprobe.js").TimingEntry} TimingEntry */
/** @typedef {import("./responses.js").KnownResponse} KnownResponse */
/** @typedef {{derivedFrom: string, originalHmacSha256: string, originalSizeBytes: number}} Redaction  of a body from which secrets were taken */

const TEXTUAL = /^(text\/|image\/svg)|json|javascript|ecmascript|xml/i;

/**
 * Puts what was collected into WARC records. The only place from which a byte of the page gets into an archive, so the only place where
 * secrets have to be taken out.
 */
export class PageArchive {
  /** @param {{writer: import("../archive/warc.js").WarcWriter, stripper: import("./secrets/stripper.js").SecretStripper,
   *   responses: import("./responses.js").KnownResponses, timing: Map<string, TimingEntry>, capturedAt: Date}} parts */
  constructor({ writer, stripper, responses, timing, capturedAt }) {
    this.writer = writer;
    this.stripper = stripper;
    this.responses = responses;
    this.timing = timing;
    this.capturedAt = capturedAt;
    /** @type {PageResource[]} */
    this.resources = [];
    /** @type {Set<string>} */
    this.written = new Set();
  }

  /** Learns the secrets that a body of text names; nothing is written. @param {ReadBody} body */
  learn(body) {
    const text = textIn(body);
    if (text !== null && !this.stripper.keep) learnBody(this.stripper, text, body.mime);
  }

  /**
   * Writes one body: as a `response` when its headers are known and its bytes are exact but for the secrets taken out of them (then it says so, and what the
   * bytes were), else as a `resource`, which claims neither.
   * @param {ReadBody} body @param {string} [flag] a doubt about its source
   * @returns {Promise<string>} the address that answered: another than the body's after a redirect, where redirects are known
   */
  async addBody(body, flag = "") {
    const known = body.known ?? this.responses.find(body.url, body.type);
    const answered = known?.final.url ?? body.url;
    const url = this.stripper.url(answered, "address");
    const { bytes, removed } = this.#strip(body, url);
    const sha256 = await sha256Of(bytes);
    const identity = `${url}\n${sha256}\n${body.known?.final.id ?? ""}`;
    if (this.written.has(identity)) return answered;
    this.written.add(identity);
    const exact = body.exact && !removed;
    const timing = this.timing.get(body.url);
    const note = [body.note, removed ? "secrets were removed" : "", flag, known && known.count > 1 ? `headers of the first of ${known.count} requests` : ""].filter(Boolean).join("; ");
    /** @type {PageResource} */
    const resource = { url, type: body.type, status: known?.final.status ?? (timing?.status || null), mime: body.mime,
      source: exact ? body.source : "generated", sha256, sizeBytes: bytes.length, exact,
      ...(note ? { note } : {}), ...(removed && body.exact ? { originalHmacSha256: markOfOriginal(this.stripper, await sha256Of(body.bytes)) } : {}),
      ...(known ? {} : { headers: `omitted: ${this.responses.absence}` }) };
    if (known && body.exact) await this.#writeResponse(known, url, bytes, { resource, ...(removed ? { redacted: redaction(resource, body) } : {}) });
    else await this.#writeResource(url, exact || body.text === null ? body.mime : `${body.mime}; charset=utf-8`, bytes, resource, body.source);
    this.resources.push(resource); // only what is in the archive is claimed
    return answered;
  }

  /**
   * Writes something made here: `urn:<kind>:<url>`.
   * @param {string} kind @param {string} url of the frame or origin it describes @param {string} mime @param {string} text @returns {Promise<void>}
   */
  async addGenerated(kind, url, mime, text) {
    const targetUri = `urn:${kind}:${this.stripper.url(url, "address")}`;
    const payload = utf8(this.stripper.text(text, `urn:${kind}`));
    await this.#writeGenerated(targetUri, mime, payload);
  }

  /**
   * Writes JSON made here: `urn:<kind>:<url>`. @param {string} kind @param {string} url @param {unknown} value its texts cleaned already (SecretStripper.leaves)
   */
  async addJson(kind, url, value) {
    await this.#writeGenerated(`urn:${kind}:${this.stripper.url(url, "address")}`, "application/json", utf8(JSON.stringify(value)));
  }

  /**
   * Writes the MHTML of the page. A picture that stands in this archive already, byte for byte, is referred to by its hash instead of being
   * kept a second time: of a page of pictures that is half the archive.
   * @param {string} url @param {string} mhtml @returns {Promise<void>}
   */
  async addMhtml(url, mhtml) {
    const kept = new Set(this.resources.map(({ sha256 }) => sha256));
    const short = await referToBodies(mhtml, async (base64) => {
      const sha256 = await sha256Of(bytesFromBase64(base64));
      return kept.has(sha256) ? sha256 : null;
    });
    const clean = changeMhtmlText(short, (part) => this.stripper.text(part, "urn:mhtml", { quotedPrintable: true }));
    await this.#writeGenerated(`urn:mhtml:${this.stripper.url(url, "address")}`, "multipart/related", utf8(clean));
  }

  /** @param {string} targetUri @param {string} mime @param {import("../seal/encoding.js").Bytes} payload */
  async #writeGenerated(targetUri, mime, payload) {
    await this.writer.write({ type: "resource", targetUri, date: this.capturedAt, contentType: mime, payload, metadata: { source: "generated" } });
  }

  /** @param {ReadBody} body @param {string} url @returns {{bytes: import("../seal/encoding.js").Bytes, removed: boolean}} */
  #strip(body, url) {
    const text = textIn(body);
    if (text === null || this.stripper.keep) return { bytes: body.bytes, removed: false };
    const clean = this.stripper.text(text, `body of ${url}`);
    return clean === text ? { bytes: body.bytes, removed: false } : { bytes: utf8(clean), removed: true };
  }

  /** @param {KnownResponse} known @param {string} url @param {import("../seal/encoding.js").Bytes} bytes @param {{resource: PageResource, redacted?: Redaction}} about */
  async #writeResponse({ final, redirects }, url, bytes, { resource, redacted }) {
    for (const hop of redirects) await this.#writeRedirect(hop);
    const head = responseHead(final.statusLine, this.stripper.headers(final.responseHeaders, `response ${url}`), bytes.length);
    const { recordId } = await this.writer.write({ type: "response", targetUri: url, date: responseDate(final), contentType: "application/http; msgtype=response",
      head, payload: bytes, mime: resource.mime, status: final.status, headers: this.#network(final),
      metadata: { source: resource.source, exact: resource.exact, ...redacted, ...(resource.note ? { note: resource.note } : {}), ...(final.fromCache ? { fromCache: true } : {}) } });
    await this.#writeRequest(final, url, recordId);
  }

  /** A redirect's headers; the browser keeps no body of it, and the record says so. @param {import("./passive.js").PassiveRequest} hop */
  async #writeRedirect(hop) {
    const url = this.stripper.url(hop.url, "address");
    if (this.written.has(`redirect\n${url}`)) return;
    this.written.add(`redirect\n${url}`);
    const head = responseHead(hop.statusLine, this.stripper.headers(hop.responseHeaders, `response ${url}`), 0);
    const { recordId } = await this.writer.write({ type: "response", targetUri: url, date: responseDate(hop), contentType: "application/http; msgtype=response",
      head, payload: new Uint8Array(0), mime: "", status: hop.status, headers: [...this.#network(hop), ["WARC-Truncated", "unspecified"]],
      metadata: { source: "generated", headersOnly: true } });
    await this.#writeRequest(hop, url, recordId);
  }

  /** @param {import("./passive.js").PassiveRequest} hop @param {string} url @param {string} concurrentTo */
  async #writeRequest(hop, url, concurrentTo) {
    if (!/^https?:/.test(url) || hop.requestHeaders.length === 0) return;
    const { bytes, note } = this.#requestBody(hop, url);
    const payload = concat(requestHead(hop.method, url, this.stripper.headers(hop.requestHeaders, `request ${url}`)), bytes);
    await this.writer.write({ type: "request", targetUri: url, date: new Date(hop.startedAt), contentType: "application/http; msgtype=request", payload,
      headers: [["WARC-Concurrent-To", `<${concurrentTo}>`]], ...(note ? { metadata: { requestBody: note } } : {}) });
  }

  /** @param {import("./passive.js").PassiveRequest} hop @param {string} url @returns {{bytes: import("../seal/encoding.js").Bytes, note: string}} without secrets */
  #requestBody({ requestBody }, url) {
    if (!requestBody || requestBody.bytes.length === 0) return { bytes: new Uint8Array(0), note: requestBody?.note ?? "" };
    const bytes = changeText(requestBody.bytes, (text) => this.stripper.sent(text, `body of the request ${url}`));
    return bytes === requestBody.bytes ? requestBody : { bytes, note: [requestBody.note, "secrets were removed"].filter(Boolean).join("; ") };
  }

  /** @param {string} url @param {string} mime @param {import("../seal/encoding.js").Bytes} bytes @param {PageResource} resource @param {string} derivedFrom */
  async #writeResource(url, mime, bytes, resource, derivedFrom) {
    const timing = this.timing.get(resource.url);
    const { source, exact, note, headers } = resource;
    await this.writer.write({ type: "resource", targetUri: url, date: timing ? new Date(timing.endedAt) : this.capturedAt, contentType: mime, payload: bytes,
      status: resource.status, headers: timing?.protocol ? [["WARC-Protocol", timing.protocol]] : [],
      metadata: { source, exact, ...(source === derivedFrom ? {} : { derivedFrom }), ...(note ? { note } : {}), ...(headers ? { headers } : {}) } });
  }

  /** @param {import("./passive.js").PassiveRequest} hop @returns {[string, string][]} */
  #network(hop) {
    const protocol = hop.protocol ?? this.timing.get(hop.url)?.protocol;
    return [...(hop.ip ? [/** @type {[string, string]} */ (["WARC-IP-Address", hop.ip])] : []),
      ...(protocol ? [/** @type {[string, string]} */ (["WARC-Protocol", protocol])] : [])];
  }
}

/** @param {import("../seal/encoding.js").Bytes} bytes @returns {Promise<string>} 64 hex digits */
async function sha256Of(bytes) {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** @param {PageResource} resource @param {ReadBody} body @returns {Redaction} */
function redaction({ originalHmacSha256 }, { source, bytes }) {
  return { derivedFrom: source, originalHmacSha256: /** @type {string} */ (originalHmacSha256), originalSizeBytes: bytes.length };
}

/** @param {import("./passive.js").PassiveRequest} hop @returns {Date} */
function responseDate(hop) {
  return new Date(hop.respondedAt ?? hop.startedAt);
}

/** @param {ReadBody} body @returns {string | null} null when it is no text, or not UTF-8 */
function textIn({ text, mime, bytes }) {
  return text ?? (TEXTUAL.test(mime) ? textOf(bytes) : null);
}

/** @param {import("../seal/encoding.js").Bytes} bytes @returns {string | null} null when it is not UTF-8 */
function textOf(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
