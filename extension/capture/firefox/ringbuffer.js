import { concat } from "../../seal/encoding.js";

/**
 * What a browser keeps of the pages in its tabs, so that a click archives the load that is on screen: every exchange with the bytes of its
 * body, oldest given up first when a limit is reached. Pure: state and event in, state out; no clock, no browser.
 *
 * Nothing is given up silently: an exchange outlives its body, and `body.reason` says why the bytes are gone.
 */

/** @typedef {import("../../seal/encoding.js").Bytes} Bytes */
/** @typedef {import("../passive.js").PassiveRequest} PassiveRequest */
/**
 * `waiting`: no byte came yet; `stalled`: none came for long; `streaming`: some did; `complete`: all did; `gone`: none are kept. `reason` says why.
 * @typedef {{state: "waiting" | "stalled" | "streaming" | "complete" | "gone", chunks: Bytes[], sizeBytes: number, reason: string}} Body  sizeBytes: kept
 */
/** @typedef {{bytes: Bytes, note: string}} RequestBody  note: why these are not the bytes that were sent; "" */
/**
 * One hop of a request: a redirect ends one and begins another with the same `id`. `key` is unique.
 * @typedef {PassiveRequest & {key: string, top: string, body: Body, requestBody: RequestBody | null, lastAt: number}} Exchange
 *   top: the address of the tab's page; lastAt: ms since 1970 of the last sign of life
 */
/** @typedef {{tabBytes: number, totalBytes: number, bodyBytes: number, tabExchanges: number, stallMs: number}} Limits */
/** @typedef {{exchanges: Exchange[], forgotten: Record<number, number>}} Buffer  forgotten: exchanges given up whole, by tab */
/**
 * @typedef {{type: "began", exchange: Exchange}
 *   | {type: "answered", id: string, url: string, facts: Partial<PassiveRequest>, at: number}
 *   | {type: "redirected", id: string, url: string, facts: Partial<PassiveRequest>, at: number}
 *   | {type: "data", key: string, bytes: Bytes, at: number}
 *   | {type: "stopped", key: string, at: number}
 *   | {type: "broke", key: string, reason: string}
 *   | {type: "failed", id: string, url: string, error: string, at: number}
 *   | {type: "ticked", at: number}
 *   | {type: "closed", tabId: number}} BufferEvent
 */

/** @type {Readonly<Limits>} sizes in bytes; a body may fill half of its tab's share */
export const LIMITS = Object.freeze({ tabBytes: 64 << 20, totalBytes: 256 << 20, bodyBytes: 32 << 20, tabExchanges: 2000, stallMs: 60_000 });

/** @type {Readonly<Buffer>} */
export const EMPTY = Object.freeze({ exchanges: [], forgotten: {} });

/** Pieces are joined up to this. */
const JOINED_BYTES = 1 << 20;

/** @returns {Body} */
export function noBody() {
  return { state: "waiting", chunks: [], sizeBytes: 0, reason: "" };
}

/** @param {Buffer} buffer @param {BufferEvent} event @param {Limits} [limits] @returns {Buffer} an event about something unknown changes nothing */
export function reduce(buffer, event, limits = LIMITS) {
  switch (event.type) {
    case "began": return begin(buffer, event.exchange, limits);
    case "answered": return change(buffer, lastHop(buffer, event), (hop) => ({ ...hop, ...event.facts, lastAt: event.at }));
    case "redirected": return redirect(buffer, event);
    case "data": return receive(buffer, event, limits);
    case "stopped": return change(buffer, withKey(buffer, event.key), (hop) => (
      hop.body.state === "gone" ? hop : { ...hop, lastAt: event.at, body: { ...hop.body, state: "complete", reason: "" } }));
    case "broke": return change(buffer, withKey(buffer, event.key), (hop) => (
      hop.body.state === "complete" || hop.body.state === "gone" || hop.redirectTo !== null ? hop : drop(hop, event.reason)));
    case "failed": return change(buffer, lastHop(buffer, event), (hop) => ({ ...hop, error: event.error, lastAt: event.at }));
    case "ticked": return { ...buffer, exchanges: buffer.exchanges.map((hop) => (isStalled(hop, event.at, limits) ? stall(hop) : hop)) };
    case "closed": return close(buffer, event.tabId);
  }
}

/** @param {Buffer} buffer @param {number} [tabId] @returns {number} bytes kept: of one tab, or of all */
export function keptBytes(buffer, tabId) {
  return buffer.exchanges.reduce((sum, hop) => (tabId === undefined || hop.tabId === tabId ? sum + sizeOf(hop) : sum), 0);
}

/**
 * The load of the page on screen: its document, and what that tab asked for from then until another page answered in it.
 *
 * A page that was brought back from the browser's page cache is found by when it was first loaded. What a service worker of the same site asked for
 * in that time is there too: it belongs to no tab (`tabId` below zero), and may have been for another page of the site.
 * @param {Buffer} buffer @param {number} tabId @param {{url: string, timeOrigin: number | null}} page timeOrigin: ms since 1970, of the page's own clock
 * @returns {{document: Exchange | null, exchanges: Exchange[]}} `exchanges` holds the redirects that led to the document; without it: nothing
 */
export function loadOf(buffer, tabId, { url, timeOrigin }) {
  const all = buffer.exchanges.filter((hop) => hop.tabId === tabId);
  const documents = all.filter((hop) => isPage(hop) && hop.redirectTo === null && hop.respondedAt !== null);
  const address = bare(url);
  const near = (/** @type {Exchange} */ hop) => (timeOrigin === null ? 0 : Math.abs(firstHop(all, hop).startedAt - timeOrigin));
  const candidates = documents.filter((hop) => timeOrigin === null ? bare(hop.url) === address : near(hop) <= SAME_LOAD_MS);
  const found = candidates.sort((left, right) => near(right) - near(left) || Number(bare(left.url) === address) - Number(bare(right.url) === address)).at(-1);
  if (!found) return { document: null, exchanges: [] };
  const from = all.indexOf(firstHop(all, found));
  const next = documents.find((hop) => hop.startedAt > found.startedAt && hop.id !== found.id && replacesPage(hop));
  const to = next ? all.indexOf(firstHop(all, next)) : all.length;
  const workers = buffer.exchanges.filter((hop) => hop.tabId < 0 && originOf(hop.top) === originOf(found.url) && hop.startedAt >= found.startedAt
    && (next === undefined || hop.startedAt < next.startedAt));
  return { document: found, exchanges: [...all.slice(from, to), ...workers] };
}

/** @param {Exchange} hop @returns {boolean} false: an answer that leaves the page where it is: nothing to show, or a download */
function replacesPage({ status, responseHeaders }) {
  return status !== 204 && status !== 205 && !responseHeaders.some(([name, value]) => /^content-disposition$/i.test(name) && /^\s*attachment/i.test(value));
}

/** A page's clock starts with its navigation; the first request goes out after what the page before it still had to do. */
const SAME_LOAD_MS = 5000;

/** @param {Exchange[]} all @param {Exchange} hop @returns {Exchange} the hop with which its request began */
function firstHop(all, hop) {
  return all.find(({ id }) => id === hop.id) ?? hop;
}

/** What is sent counts from the start: a server need not answer for it to be kept. @param {Buffer} buffer @param {Exchange} exchange @param {Limits} limits @returns {Buffer} */
function begin(buffer, exchange, limits) {
  const begun = forgetOldest({ ...buffer, exchanges: [...buffer.exchanges, exchange] }, exchange.tabId, limits);
  return sizeOf(exchange) > 0 ? bound(begun, exchange.tabId, limits) : begun;
}

/** @param {Buffer} buffer @param {Extract<BufferEvent, {type: "redirected"}>} event @returns {Buffer} */
function redirect(buffer, event) {
  const index = lastHop(buffer, event);
  // Status 0: the browser's own step (an upgrade to https, a service worker that declined). Nothing was sent for it.
  if (event.facts.status === 0) return index < 0 ? buffer : { ...buffer, exchanges: buffer.exchanges.toSpliced(index, 1) };
  return change(buffer, index, (hop) => ({ ...drop(hop, "a redirect: the browser keeps no body of it"), ...event.facts, lastAt: event.at }));
}

/** @param {Buffer} buffer @param {Extract<BufferEvent, {type: "data"}>} event @param {Limits} limits @returns {Buffer} */
function receive(buffer, event, limits) {
  const index = withKey(buffer, event.key);
  const hop = buffer.exchanges[index];
  if (!hop || hop.body.state === "gone") return buffer;
  const sizeBytes = hop.body.sizeBytes + event.bytes.length;
  if (sizeBytes > limits.bodyBytes) return change(buffer, index, (one) => drop(one, `larger than the ${inMegabytes(limits.bodyBytes)} that one body may have`));
  const body = { ...hop.body, state: /** @type {const} */ ("streaming"), reason: "", chunks: appended(hop.body.chunks, event.bytes), sizeBytes };
  return bound(change(buffer, index, (one) => ({ ...one, body, lastAt: event.at })), hop.tabId, limits);
}

/**
 * Small pieces are joined as they come, two of like size at a time: a body in very many of them is a short list, and no byte is copied often.
 * @param {Bytes[]} chunks left as they are @param {Bytes} bytes @returns {Bytes[]}
 */
function appended(chunks, bytes) {
  const grown = [...chunks, bytes];
  while (grown.length > 1) {
    const [left, right] = grown.slice(-2);
    if (left.length > right.length || left.length + right.length > JOINED_BYTES) break;
    grown.splice(-2, 2, concat(left, right));
  }
  return grown;
}

/** @param {Buffer} buffer @param {number} tabId whose share has grown @param {Limits} limits @returns {Buffer} */
function bound(buffer, tabId, limits) {
  return evict(evict(buffer, tabId, limits.tabBytes), undefined, limits.totalBytes);
}

/** @param {Buffer} buffer @param {number | undefined} tabId undefined: all tabs @param {number} limitBytes @returns {Buffer} */
function evict(buffer, tabId, limitBytes) {
  let excess = keptBytes(buffer, tabId) - limitBytes;
  if (excess <= 0) return buffer;
  const pages = new Map(buffer.exchanges.filter(isPage).map((hop) => [hop.tabId, hop])); // the newest of each tab
  const rank = (/** @type {Exchange} */ hop) => {
    const page = pages.get(hop.tabId);
    const isFormer = page !== undefined && hop.id !== page.id && hop.startedAt < page.startedAt;
    return isFormer ? 0 : hop.type === "media" ? 1 : /frame$/.test(hop.type) ? 3 : 2; // pages left, then video, then the rest, documents last
  };
  const order = buffer.exchanges.filter((hop) => sizeOf(hop) > 0 && (tabId === undefined || hop.tabId === tabId)).sort((left, right) => rank(left) - rank(right));
  const given = new Set();
  for (const hop of order) {
    if (excess <= 0) break;
    given.add(hop.key);
    excess -= sizeOf(hop);
  }
  const reason = `evicted from the buffer: ${inMegabytes(limitBytes)}`;
  return { ...buffer, exchanges: buffer.exchanges.map((hop) => (given.has(hop.key) ? giveUp(hop, reason) : hop)) };
}

/** What was sent is given up with what came; an answer that has not begun may still come. @param {Exchange} hop @param {string} reason @returns {Exchange} */
function giveUp(hop, reason) {
  const requestBody = hop.requestBody && hop.requestBody.bytes.length > 0 ? { bytes: new Uint8Array(0), note: reason } : hop.requestBody;
  return { ...(hop.body.sizeBytes > 0 ? drop(hop, reason) : hop), requestBody };
}

/** @param {Buffer} buffer @param {number} tabId @param {Limits} limits @returns {Buffer} */
function forgetOldest(buffer, tabId, limits) {
  const mine = buffer.exchanges.filter((hop) => hop.tabId === tabId);
  const excess = mine.length - limits.tabExchanges;
  if (excess <= 0) return buffer;
  const page = mine.findLast((hop) => isPage(hop) && hop.redirectTo === null);
  const given = new Set(mine.filter((hop) => hop !== page).slice(0, excess).map(({ key }) => key));
  return { exchanges: buffer.exchanges.filter(({ key }) => !given.has(key)), forgotten: { ...buffer.forgotten, [tabId]: (buffer.forgotten[tabId] ?? 0) + excess } };
}

/** @param {Buffer} buffer @param {number} tabId @returns {Buffer} */
function close(buffer, tabId) {
  const { [tabId]: _gone, ...forgotten } = buffer.forgotten;
  const rest = buffer.exchanges.filter((hop) => hop.tabId !== tabId);
  const open = new Set(rest.filter((hop) => hop.tabId >= 0).map(({ top }) => originOf(top))); // a service worker's go with the site's last page
  return { exchanges: rest.filter((hop) => hop.tabId >= 0 || open.has(originOf(hop.top))), forgotten };
}

/** @param {string} url @returns {string} */
function originOf(url) {
  return URL.canParse(url) ? new URL(url).origin : "";
}

/** @param {Exchange} hop @param {number} at @param {Limits} limits @returns {boolean} a stream that has begun may pause as long as it likes */
function isStalled(hop, at, limits) {
  return hop.body.state === "waiting" && hop.redirectTo === null && at - hop.lastAt > limits.stallMs;
}

/** @param {Exchange} hop @returns {string} */
function stallReason({ respondedAt, error }) {
  if (error !== null) return `not loaded: ${error}`;
  return respondedAt === null ? "no answer was reported: made up by the site's service worker, or never answered" : "answered, and no body came";
}

/** A byte that comes after all is kept. @param {Exchange} hop @returns {Exchange} */
function stall(hop) {
  return { ...hop, body: { ...hop.body, state: "stalled", reason: stallReason(hop) } };
}

/** @param {Exchange} hop @param {string} reason @returns {Exchange} */
function drop(hop, reason) {
  return { ...hop, body: { state: "gone", chunks: [], sizeBytes: 0, reason } };
}

/** @param {Exchange} hop @returns {number} bytes */
function sizeOf(hop) {
  return hop.body.sizeBytes + (hop.requestBody?.bytes.length ?? 0);
}

/** @param {Exchange} hop @returns {boolean} */
function isPage({ type, frameId }) {
  return type === "main_frame" && frameId === 0;
}

/** @param {Buffer} buffer @param {number} index negative: nothing @param {(hop: Exchange) => Exchange} act @returns {Buffer} */
function change(buffer, index, act) {
  return index < 0 ? buffer : { ...buffer, exchanges: buffer.exchanges.with(index, act(buffer.exchanges[index])) };
}

/** @param {Buffer} buffer @param {string} key @returns {number} */
function withKey(buffer, key) {
  return buffer.exchanges.findLastIndex((hop) => hop.key === key);
}

/** @param {Buffer} buffer @param {{id: string, url: string}} event @returns {number} */
function lastHop(buffer, { id, url }) {
  return buffer.exchanges.findLastIndex((hop) => hop.id === id && hop.url === url);
}

/** @param {string} url @returns {string} without fragment */
function bare(url) {
  return url.replace(/#.*$/s, "");
}

/** @param {number} sizeBytes @returns {string} */
function inMegabytes(sizeBytes) {
  return `${Math.round(sizeBytes / (1 << 20))} MB`;
}
