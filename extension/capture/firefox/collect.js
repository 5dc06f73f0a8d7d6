import { concat } from "../../seal/encoding.js";
import { isLoadable } from "../bodies.js";
import { toPem } from "../certificates.js";
import { learnBody, learnOwn, MAX_TEACHING_BYTES, TEACHING } from "../secrets/learn.js";
import { fillAccount } from "../requested.js";
import { NotChecked } from "../steps.js";
import { probeByScript } from "../frames.js";
import { takeFullPageShot } from "./fullpage.js";
import { isWanted } from "./consent.js";
import { EMPTY, loadOf } from "./ringbuffer.js";

/** @typedef {import("./ringbuffer.js").Exchange} Exchange */
/** @typedef {import("./streamfilter.js").StreamBuffer} StreamBuffer */
/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../frames.js").Frame} Frame */
/** @typedef {{document: Exchange | null, exchanges: Exchange[]}} Load */

/** Milliseconds that each step may take. */
const LIMIT = { frames: 10000, bodies: 60000, shot: 30000, certificates: 5000 };

const PRIVATE = "a window of private browsing: nothing that it loads is kept";

/** The steps of a collection, for progress; writing comes on top. */
export const COLLECT_STEPS = 4;

/** webRequest's resource type → the name that archives use. @type {Record<string, string>} */
const TYPES = { main_frame: "Document", sub_frame: "Document", object: "Document", stylesheet: "Stylesheet", script: "Script", image: "Image", imageset: "Image",
  font: "Font", media: "Media", xmlhttprequest: "XHR", json: "Script", web_manifest: "Manifest", beacon: "Ping", ping: "Ping", csp_report: "CSPViolationReport" };

/**
 * Reads the page that is on screen, without a request to anywhere, in named steps. Whatever fails is recorded; the rest goes on.
 * @param {number} tabId @param {Session} session @param {StreamBuffer | null} stream
 * @returns {Promise<{collected: import("../collect.js").Collected | null, isArmed: boolean}>} isArmed: the buffer was there when the document came
 */
export async function collect(tabId, session, stream) {
  const { steps, account, viewport } = session;
  const state = stream?.state ?? EMPTY; // as it was at the click
  const shooting = steps.run("full-page screenshot", LIMIT.shot, (signal) => takeFullPageShot(tabId, viewport.facts.devicePixelRatio, signal));
  const frames = await steps.run("read frames", LIMIT.frames, () => probeByScript(tabId)) ?? [];
  const probe = frames[0]?.probe ?? null;
  const load = loadOf(state, tabId, { url: probe?.url ?? viewport.facts.url, timeOrigin: probe?.timeOrigin ?? null });
  await session.collector.onFrames(frames); // first what the page shows: none of that is a secret
  learn(session, load);
  fillAccount(account, frames, load.exchanges, []);
  const { picked } = session.collector;
  if (picked && picked.place === null) picked.place = { box: null, matches: 0, reason: "its frame may not be measured in this browser" };
  const reason = (await chrome.tabs.get(tabId)).incognito ? PRIVATE : absence(stream, probe?.url ?? viewport.facts.url, probe?.timeOrigin ?? null);
  if (load.document !== null) explainUnseen(session, frames, load);
  else account.omit(probe?.url ?? viewport.facts.url, "Document", reason);
  await steps.run("write bodies", LIMIT.bodies, (signal) => writeBodies(session, load, { signal, missing: reason }));
  const shot = await shooting;
  const certificates = await steps.run("read certificates", LIMIT.certificates, async () => chainsOf(stream, load));
  const forgotten = state.forgotten[tabId] ?? 0;
  if (forgotten > 0) session.notes.push(`${forgotten} of the tab's oldest requests are no longer in the buffer`);
  const isRead = frames.length > 0 || shot !== null || load.document !== null;
  return { collected: isRead ? { frames, mhtml: null, shot, certificates } : null, isArmed: load.document !== null };
}

/** What the page's own clock lists and no request was seen for. @param {Session} session @param {Frame[]} frames @param {Load} load */
function explainUnseen({ account }, frames, { exchanges }) {
  const seen = new Set(exchanges.map(({ url }) => url.replace(/#.*$/s, "")));
  for (const { url, kind } of frames.flatMap(({ probe }) => probe?.timing ?? [])) {
    if (kind === "navigation" || !isLoadable(url) || seen.has(url.replace(/#.*$/s, ""))) continue;
    account.omit(url, kind, "no request for it was seen: made up by the site's service worker, or held in the browser's memory since before");
  }
}

/**
 * What the person's credentials are: cookies, tokens of addresses and headers, fields of what was sent and answered. Before the first body is written,
 * for a token that a late answer brings stands in an early one too.
 * @param {Session} session @param {Load} load
 */
function learn({ stripper }, { exchanges }) {
  if (stripper.keep) return;
  learnOwn(stripper, exchanges.map(({ requestHeaders, requestBody }) => ({ requestHeaders, body: requestBody?.bytes ?? null })));
  for (const hop of exchanges) {
    stripper.url(hop.url, "address");
    for (const [name, value] of hop.responseHeaders) stripper.learnHeader(name, value);
    const { chunks, sizeBytes } = hop.body;
    const mime = mimeOf(hop.responseHeaders);
    if (TEACHING.test(mime) && sizeBytes <= MAX_TEACHING_BYTES) learnBody(stripper, new TextDecoder().decode(concat(...chunks)), mime);
  }
}

/** @param {Session} session @param {Load} load @param {{signal: AbortSignal, missing: string}} how missing: why an exchange is not in the buffer */
async function writeBodies({ account, collector }, { document, exchanges }, { signal, missing }) {
  if (document === null) throw new NotChecked(missing);
  const answers = exchanges.filter(({ redirectTo }) => redirectTo === null);
  const documents = answers.filter(({ type }) => TYPES[type] === "Document"); // they teach which secrets to look for
  for (const hop of [...documents, ...answers.filter((one) => !documents.includes(one))]) {
    signal.throwIfAborted();
    const gap = gapOf(hop);
    if (gap !== "") {
      account.omit(hop.url, hop.type, gap);
      continue;
    }
    const body = bodyOf(hop, exchanges);
    await collector.onBody(body);
    for (const { url } of [...body.known.redirects, hop]) account.capture(url, hop.type); // by the name the page's own clock knows it
  }
}

/** @param {Exchange} hop @returns {string} why it has no bytes; "" */
function gapOf({ body, error, respondedAt, type }) {
  if (type === "websocket") return "a WebSocket: the browser gives no stream of it";
  if (body.state === "gone" || body.state === "stalled") return body.reason;
  if (error !== null && body.sizeBytes === 0) return `not loaded: ${error}`;
  if (respondedAt === null) return "not answered when the capture was made";
  return body.state === "waiting" ? "answered, and no body had come when the capture was made" : "";
}

/** @param {Exchange} final @param {Exchange[]} exchanges @returns {import("../bodies.js").ReadBody & {known: import("../responses.js").KnownResponse}} */
function bodyOf(final, exchanges) {
  const { body, url, type, responseHeaders, error } = final;
  const isWhole = body.state === "complete" && error === null;
  const redirects = exchanges.filter(({ id, redirectTo }) => id === final.id && redirectTo !== null);
  const whose = final.tabId < 0 ? "asked for by a service worker of the site, for this page or another one" : "";
  const gap = isWhole ? "" : `${error === null ? "still open at the capture" : `broken off: ${error}`}: its first ${body.sizeBytes} bytes`;
  return { url, type: TYPES[type] ?? "Other", mime: mimeOf(responseHeaders), source: "live_stream", bytes: concat(...body.chunks), text: null, exact: isWhole,
    note: [gap, whose].filter(Boolean).join("; "),
    known: { final, redirects, count: 1 } };
}

/** @param {[string, string][]} headers @returns {string} */
function mimeOf(headers) {
  const type = headers.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
  return type.split(";", 1)[0].trim() || "application/octet-stream";
}

/** @param {StreamBuffer | null} stream @param {string} url @param {number | null} loadedAt ms since 1970 @returns {string} why the buffer has nothing of this load */
function absence(stream, url, loadedAt) {
  if (stream === null) return "the browser gives no streams";
  const { consent, armedSince } = stream;
  if (consent.givenAt === null) return "consent to keep what pages load was not given";
  if (!isWanted(consent, url)) return "this site is not among those whose pages are kept";
  if (loadedAt === null) return "no load of this address is in the buffer";
  if (Date.parse(consent.givenAt) > loadedAt) return "consent was given after this page had loaded";
  return armedSince > loadedAt ? "the extension was started after this page had loaded" : "no longer in the buffer, or never asked for over the network";
}

/** @param {StreamBuffer | null} stream @param {Load} load @returns {{origin: string, pem: string}[]} */
function chainsOf(stream, { exchanges }) {
  const origins = [...new Set(exchanges.filter(({ url }) => /^https:/.test(url)).map(({ url }) => new URL(url).origin))];
  if (origins.length === 0) throw new NotChecked("nothing of the page is known to have come over HTTPS");
  const found = origins.flatMap((origin) => {
    const chain = stream?.chains.get(origin) ?? [];
    return chain.length === 0 ? [] : [{ origin, pem: chain.map((der) => toPem(btoa(String.fromCharCode(...der)))).join("") }];
  });
  if (found.length === 0) throw new NotChecked("the browser gave no certificate of this page");
  return found;
}
