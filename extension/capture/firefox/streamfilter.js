import { EMPTY, keptBytes, LIMITS, loadOf, noBody, reduce } from "./ringbuffer.js";
import { isWanted, NO_CONSENT, onConsentChanged, readConsent } from "./consent.js";
import { answerFacts, requestBodyOf, topOf } from "./details.js";

/** @typedef {import("./ringbuffer.js").Exchange} Exchange */
/** @typedef {import("./ringbuffer.js").Buffer} Buffer */
/** @typedef {import("./consent.js").Consent} Consent */
/** @typedef {undefined | {cancel: true}} Verdict  what becomes of a request; undefined: it goes on */

const FILTER = { urls: ["http://*/*", "https://*/*", "ws://*/*", "wss://*/*"] };
const TICK_MS = 20_000; // an idle event page is ended after 30 s, and what it kept in memory with it
const MAX_ORIGINS = 300;

/**
 * Copies every body on its way to the page into the ring buffer, in memory only; the page gets the same bytes at the same time.
 *
 * Armed by the person's consent, or for one tab by an explicit wish. Windows of private browsing are never looked at. Also answers what the
 * passive buffer answers, so that archives are written the same way in both browsers. Source: MDN, webRequest.filterResponseData().
 */
export class StreamBuffer {
  /** @param {{now?: () => number}} [options] now: ms since 1970 */
  constructor({ now = Date.now } = {}) {
    this.now = now;
    /** @type {Buffer} */
    this.state = EMPTY;
    this.armedSince = now();
    /** @type {Consent} */
    this.consent = NO_CONSENT;
    /** @type {Map<number, {refused: boolean}>} tabs that are observed whatever the consent says, for an explicit load */
    this.wished = new Map();
    /** @type {Map<string, number[][]>} origin → the chain the browser accepted, DER, leaf first */
    this.chains = new Map();
    this.hopCount = 0;
    /** @type {ReturnType<typeof setInterval> | null} */
    this.ticking = null;
    this.isLoaded = false;
    this.loaded = readConsent().then((consent) => {
      this.consent = consent;
      this.isLoaded = true;
    });
  }

  /** @param {import("./ringbuffer.js").BufferEvent} event */
  dispatch(event) {
    const tabBytes = this.consent.megabytes << 20;
    this.state = reduce(this.state, event, { ...LIMITS, tabBytes, bodyBytes: tabBytes / 2, totalBytes: Math.max(LIMITS.totalBytes, tabBytes) });
    if (this.state.exchanges.length > 0) this.#stayAwake();
  }

  /** @param {Consent} consent taken back: everything kept is gone at once */
  setConsent(consent) {
    this.consent = consent;
    this.isLoaded = true;
    for (const tabId of new Set(this.state.exchanges.filter(({ top, tabId }) => !isWanted(consent, top) && !this.wished.has(tabId)).map((hop) => hop.tabId))) this.dispatch({ type: "closed", tabId });
    this.#forgetChains();
  }

  /** Everything kept of a tab goes. @param {number} tabId */
  forget(tabId) {
    this.dispatch({ type: "closed", tabId });
    this.#forgetChains();
  }

  /** A certificate tells where one was: it is kept no longer than what came from there. */
  #forgetChains() {
    const kept = new Set(this.state.exchanges.map(({ url }) => new URL(url).origin));
    for (const origin of this.chains.keys()) if (!kept.has(origin)) this.chains.delete(origin);
  }

  /** @param {string} url @returns {Promise<boolean>} */
  async observes(url) {
    await this.loaded;
    return isWanted(this.consent, url);
  }

  /**
   * Observes one tab whatever the consent says, for a load that the person asked for; that load may not send a form again.
   * @param {number} tabId @returns {(() => void) & {refused: () => boolean}} ends it; what was kept stays until the tab is closed; refused: whether a form was about to go out
   */
  arm(tabId) {
    const wish = { refused: false };
    this.wished.set(tabId, wish);
    return Object.assign(() => void this.wished.delete(tabId), { refused: () => wish.refused });
  }

  /** @param {number} tabId @returns {Promise<Exchange[]>} of the newest page in the tab */
  async requestsOf(tabId) {
    const page = this.state.exchanges.findLast((hop) => hop.tabId === tabId && hop.type === "main_frame" && hop.frameId === 0);
    return page ? loadOf(this.state, tabId, { url: page.url, timeOrigin: null }).exchanges : [];
  }

  /** A copy of each body is kept, never read again from a cache: no later request can have replaced it. @returns {Promise<Exchange[]>} none */
  async laterRequests() {
    return [];
  }

  /** @param {any} details of onBeforeRequest @returns {Verdict | Promise<Verdict>} the promise holds the request back until the consent is read */
  onBeforeRequest(details) {
    if (details.incognito) return undefined;
    if (this.isLoaded) return this.#begin(details);
    return this.loaded.then(() => this.#begin(details));
  }

  /** @param {any} details @returns {Verdict} */
  #begin(details) {
    const top = topOf(details);
    if (!isWanted(this.consent, top) && !this.wished.has(details.tabId)) return undefined;
    const key = `${details.requestId}#${(this.hopCount += 1)}`;
    const { tabId, frameId, url, method, type, timeStamp: startedAt } = details;
    const wish = this.wished.get(tabId);
    if (wish && type === "main_frame" && !/^(GET|HEAD)$/.test(method)) wish.refused = true;
    this.dispatch({ type: "began", exchange: { key, id: details.requestId, tabId, frameId, url, method, type, startedAt, lastAt: startedAt, top, respondedAt: null,
      statusLine: "", status: null, ip: null, fromCache: false, requestHeaders: [], responseHeaders: [], redirectTo: null, error: null, body: noBody(),
      requestBody: requestBodyOf(details.requestBody) } });
    if (wish?.refused && type === "main_frame") return { cancel: true };
    if (type !== "websocket") this.#filter(details.requestId, key);
    return undefined;
  }

  /** A filter ends with its hop: after a redirect onBeforeRequest comes again, and with it a new one. @param {string} requestId @param {string} key */
  #filter(requestId, key) {
    /** @type {any} */
    let filter;
    try {
      filter = /** @type {any} */ (chrome.webRequest).filterResponseData(requestId);
    } catch (error) {
      this.dispatch({ type: "broke", key, reason: `the browser gives no stream: ${String(error)}` });
      return;
    }
    filter.ondata = (/** @type {{data: ArrayBuffer}} */ { data }) => {
      filter.write(data);
      this.dispatch({ type: "data", key, bytes: new Uint8Array(data), at: this.now() });
      if (this.state.exchanges.findLast((hop) => hop.key === key)?.body.state === "gone") filter.disconnect(); // too large: the rest goes past us
    };
    filter.onstop = () => {
      filter.close();
      this.dispatch({ type: "stopped", key, at: this.now() });
    };
    filter.onerror = () => this.dispatch({ type: "broke", key, reason: `the browser gave no bytes: ${filter.error}` });
  }

  /** @param {any} details of onHeadersReceived, where the browser still knows the connection */
  async readChain({ requestId, url, tabId }) {
    const { origin, protocol } = new URL(url);
    if (protocol !== "https:" || this.chains.has(origin) || !this.state.exchanges.some((hop) => hop.tabId === tabId && hop.id === requestId)) return;
    this.chains.set(origin, []);
    if (this.chains.size > MAX_ORIGINS) this.chains.delete(/** @type {string} */ (this.chains.keys().next().value));
    const info = await /** @type {any} */ (chrome.webRequest).getSecurityInfo(requestId, { certificateChain: true, rawDER: true });
    const chain = (info.certificates ?? []).map((/** @type {{rawDER: number[]}} */ { rawDER }) => rawDER);
    if (chain.length > 0 && this.chains.has(origin)) this.chains.set(origin, chain); // forgotten meanwhile: it stays so
    else this.chains.delete(origin);
  }

  /** What is kept is kept in memory, for which this page has to live. */
  #stayAwake() {
    this.ticking ??= setInterval(() => {
      void chrome.runtime.getPlatformInfo();
      this.dispatch({ type: "ticked", at: this.now() });
      if (keptBytes(this.state) > 0 || this.ticking === null) return;
      clearInterval(this.ticking);
      this.ticking = null;
    }, TICK_MS);
  }
}

/**
 * Call it at the top level of the background script, before any await: a listener added later misses what woke the page.
 * @returns {StreamBuffer | null} null when the browser grants no webRequest
 */
export function startStreamBuffer() {
  if (!chrome.webRequest) return null;
  const buffer = new StreamBuffer();
  const webRequest = /** @type {any} */ (chrome.webRequest);
  const answered = (/** @type {any} */ details) => buffer.dispatch({ type: "answered", id: details.requestId, url: details.url, facts: answerFacts(details), at: details.timeStamp });
  webRequest.onBeforeRequest.addListener((/** @type {any} */ details) => buffer.onBeforeRequest(details), FILTER, ["blocking", "requestBody"]);
  webRequest.onSendHeaders.addListener((/** @type {any} */ details) => buffer.dispatch({ type: "answered", id: details.requestId, url: details.url, at: details.timeStamp,
    facts: { requestHeaders: answerFacts({ responseHeaders: details.requestHeaders }).responseHeaders } }), FILTER, ["requestHeaders"]);
  webRequest.onHeadersReceived.addListener((/** @type {any} */ details) => {
    buffer.readChain(details).catch(() => buffer.chains.delete(new URL(details.url).origin)); // a certificate not read is a step not checked
  }, FILTER, ["blocking"]);
  webRequest.onBeforeRedirect.addListener((/** @type {any} */ details) => buffer.dispatch({ type: "redirected", id: details.requestId, url: details.url,
    facts: { ...answerFacts(details), redirectTo: details.redirectUrl }, at: details.timeStamp }), FILTER, ["responseHeaders"]);
  webRequest.onResponseStarted.addListener(answered, FILTER, ["responseHeaders"]);
  webRequest.onErrorOccurred.addListener((/** @type {any} */ details) => buffer.dispatch({ type: "failed", id: details.requestId, url: details.url, error: details.error,
    at: details.timeStamp }), FILTER);
  chrome.tabs.onRemoved.addListener((tabId) => buffer.forget(tabId));
  onConsentChanged((consent) => buffer.setConsent(consent));
  return buffer;
}
