/**
 * What the browser's own network log told while pages loaded: addresses, statuses, headers, the server's address. No bodies.
 *
 * It needs a host permission; without one the browser reports nothing, `observes` says so, and archives record headers and addresses as
 * omitted. Entries live in memory and in `storage.session`, which is memory too and gone with the browser, so that a killed worker
 * does not lose them. Cookies in them never leave the browser: SecretStripper takes them out before anything is written.
 */

/** @typedef {[string, string][]} Headers */
/**
 * @typedef {object} PassiveRequest  One hop: a redirect ends one entry and begins another with the same id.
 * @property {string} id
 * @property {number} tabId
 * @property {number} frameId        0: the page itself
 * @property {string} url
 * @property {string} method
 * @property {string} type           webRequest's: main_frame, image, xmlhttprequest, …
 * @property {number} startedAt      ms since 1970
 * @property {number | null} respondedAt
 * @property {string} statusLine     "" until the answer
 * @property {number | null} status
 * @property {string | null} ip
 * @property {boolean} fromCache
 * @property {Headers} requestHeaders
 * @property {Headers} responseHeaders
 * @property {string | null} redirectTo
 * @property {string | null} error
 * @property {string} [protocol]     as WARC-Protocol has it, where the status line tells
 * @property {{bytes: import("../seal/encoding.js").Bytes, note: string} | null} [requestBody]  note: why these are not the bytes that were sent
 */

const MAX_PER_TAB = 1000;
const MAX_TABS = 20;
const MAX_HEADER_LENGTH = 32768;
const MAX_URL_LENGTH = 4096;
const MAX_HEADERS_LENGTH = 64 << 10;
/** Characters of JSON in storage.session, which the runs of the popup share: the browser gives 10 MB. */
const MAX_STORED = 4 << 20;
const SAVE_MS = 1000;
const PREFIX = "passive:";
const FILTER = { urls: ["<all_urls>"] };

/** The log of one browser session. Make it with startPassiveBuffer(). */
export class PassiveBuffer {
  constructor() {
    /** @type {Map<number, PassiveRequest[]>} */
    this.byTab = new Map();
    /** @type {Set<number>} */
    this.unsaved = new Set();
    /** @type {Map<number, number>} characters in storage by tab, oldest first */
    this.storedSize = new Map();
    this.loaded = this.#load();
  }

  /** @param {string} url @returns {Promise<boolean>} whether requests to this address are reported at all, now */
  async observes(url) {
    if (!/^https?:/.test(url)) return false;
    return chrome.permissions.contains({ permissions: ["webRequest"], origins: [`${new URL(url).origin}/*`] });
  }

  /** @param {number} tabId @returns {Promise<PassiveRequest[]>} of the page now in the tab, oldest first; its own document included */
  async requestsOf(tabId) {
    await this.loaded;
    const all = this.byTab.get(tabId) ?? [];
    const document = all.findLast(({ type, frameId, redirectTo, respondedAt }) => type === "main_frame" && frameId === 0 && redirectTo === null && respondedAt !== null);
    if (!document) return [...all];
    return all.slice(all.findIndex(({ id }) => id === document.id));
  }

  /**
   * @param {string} url without fragment @param {PassiveRequest} document @returns {Promise<PassiveRequest[]>} later requests for that address, from any tab;
   *   not those that the cache answered, as it does when an earlier capture reads the document: they leave in it what was there
   */
  async laterRequests(url, document) {
    await this.loaded;
    return [...this.byTab.values()].flat().filter((request) => request.url === url && request.id !== document.id && request.startedAt >= document.startedAt && !request.fromCache);
  }

  /** @param {any} details of onBeforeRequest */
  begin(details) {
    if (details.tabId < 0 || details.url.length > MAX_URL_LENGTH) return; // a longer address has its record without headers
    const list = this.byTab.get(details.tabId) ?? [];
    list.push({ id: details.requestId, tabId: details.tabId, frameId: details.frameId, url: bare(details.url), method: details.method, type: details.type,
      startedAt: details.timeStamp, respondedAt: null, statusLine: "", status: null, ip: null, fromCache: false, requestHeaders: [], responseHeaders: [],
      redirectTo: null, error: null });
    if (list.length > MAX_PER_TAB) list.splice(0, list.length - MAX_PER_TAB);
    this.byTab.set(details.tabId, list);
    if (this.byTab.size > MAX_TABS) this.forget(/** @type {number} */ (this.byTab.keys().next().value));
    this.#save(details.tabId);
  }

  /** @param {any} details of a later event of the same hop @param {Partial<PassiveRequest>} facts */
  update(details, facts) {
    const hop = this.byTab.get(details.tabId)?.findLast(({ id, url }) => id === details.requestId && url === bare(details.url));
    if (!hop) return;
    Object.assign(hop, facts);
    this.#save(details.tabId);
  }

  /** @param {number} tabId */
  forget(tabId) {
    this.byTab.delete(tabId);
    this.storedSize.delete(tabId);
    void chrome.storage.session.remove(`${PREFIX}${tabId}`);
  }

  /** @returns {Promise<void>} what an earlier worker of this browser session had seen, put before what this one has */
  async #load() {
    const stored = await chrome.storage.session.get(null);
    for (const [key, list] of Object.entries(stored)) {
      if (!key.startsWith(PREFIX)) continue;
      const tabId = Number(key.slice(PREFIX.length));
      this.storedSize.set(tabId, JSON.stringify(list).length);
      this.byTab.set(tabId, [.../** @type {PassiveRequest[]} */ (list), ...(this.byTab.get(tabId) ?? [])].slice(-MAX_PER_TAB));
    }
  }

  /** @param {number} tabId */
  #save(tabId) {
    if (this.unsaved.size === 0) setTimeout(() => void this.#flush(), SAVE_MS);
    this.unsaved.add(tabId);
  }

  async #flush() {
    await this.loaded;
    const tabs = [...this.unsaved];
    this.unsaved.clear();
    for (const tabId of tabs) await this.#store(tabId);
  }

  /** The oldest tabs leave the storage first, then the oldest requests of this one; memory holds them while this worker lives. @param {number} tabId */
  async #store(tabId) {
    const list = this.byTab.get(tabId);
    if (list === undefined) return;
    const key = `${PREFIX}${tabId}`;
    const sizes = list.map((hop) => JSON.stringify(hop).length + 1);
    let size = sizes.reduce((sum, one) => sum + one, 0);
    let from = 0;
    for (; size > MAX_STORED && from < list.length; from += 1) size -= sizes[from] ?? 0;
    this.storedSize.delete(tabId); // last in order: the newest
    this.storedSize.set(tabId, size);
    for (const other of this.storedSize.keys()) {
      if ([...this.storedSize.values()].reduce((sum, one) => sum + one, 0) <= MAX_STORED) break;
      this.storedSize.delete(other);
      await chrome.storage.session.remove(`${PREFIX}${other}`);
    }
    await chrome.storage.session.set({ [key]: list.slice(from) }).catch(() => {}); // over the quota all the same
  }
}

/**
 * Call it at the top level of the background script, before any await: a listener added later misses what woke the worker.
 * @returns {PassiveBuffer | null} null when the browser grants no webRequest
 */
export function startPassiveBuffer() {
  if (!chrome.webRequest) return null;
  const buffer = new PassiveBuffer();
  const { webRequest } = chrome;
  webRequest.onBeforeRequest.addListener((details) => { buffer.begin(details); return undefined; }, FILTER);
  webRequest.onSendHeaders.addListener((details) => buffer.update(details, { requestHeaders: plain(details.requestHeaders) }), FILTER, ["requestHeaders", "extraHeaders"]);
  webRequest.onBeforeRedirect.addListener((details) => buffer.update(details, { ...answer(details), redirectTo: bare(details.redirectUrl) }), FILTER, ["responseHeaders", "extraHeaders"]);
  webRequest.onResponseStarted.addListener((details) => buffer.update(details, answer(details)), FILTER, ["responseHeaders", "extraHeaders"]);
  webRequest.onErrorOccurred.addListener((details) => buffer.update(details, { error: details.error }), FILTER);
  chrome.tabs.onRemoved.addListener((tabId) => buffer.forget(tabId));
  return buffer;
}

/** @param {string} url @returns {string} without fragment, as the browser's resource list has it */
function bare(url) {
  return url.replace(/#.*$/s, "");
}

/** @param {any} details @returns {Partial<PassiveRequest>} */
function answer(details) {
  return { respondedAt: details.timeStamp, statusLine: details.statusLine, status: details.statusCode, ip: details.ip ?? null,
    fromCache: details.fromCache === true, responseHeaders: plain(details.responseHeaders) };
}

/** @param {chrome.webRequest.HttpHeader[] | undefined} headers @returns {Headers} one that is too long, or no text, is named and left out: never cut */
function plain(headers = []) {
  let total = 0;
  return headers.map(({ name, value }) => {
    if (value === undefined) return ["X-Holdstill-Omitted", `${name}; not text`];
    total += name.length + value.length;
    return value.length <= MAX_HEADER_LENGTH && total <= MAX_HEADERS_LENGTH ? [name, value] : ["X-Holdstill-Omitted", `${name}; ${value.length} characters`];
  });
}
