import { isLoadable } from "./bodies.js";

/** @typedef {import("./frames.js").Frame} Frame */
/** @typedef {import("./passive.js").PassiveRequest} PassiveRequest */
/** @typedef {import("./types.js").OmittedResource} OmittedResource */

const BY_SCRIPT = new Set(["fetch", "xmlhttprequest", "beacon", "eventsource", "ping", "websocket", "csp_report"]);
/** What timing entries and webRequest call it → what the browser's resource list calls it. @type {Record<string, string>} */
const TYPES = { img: "Image", image: "Image", input: "Image", script: "Script", css: "Stylesheet", stylesheet: "Stylesheet", font: "Font", iframe: "Document",
  frame: "Document", sub_frame: "Document", main_frame: "Document", object: "Document", embed: "Document", fetch: "Fetch", xmlhttprequest: "XHR",
  beacon: "Ping", ping: "Ping", video: "Media", audio: "Media", media: "Media", track: "TextTrack", websocket: "WebSocket", eventsource: "EventSource",
  csp_report: "CSPViolationReport", worker: "Worker", link: "Other", other: "Other" };
const REASONS = {
  script: "asked for by a script; the browser does not keep such a body for reading afterwards",
  media: "media: the browser does not list its body",
  gone: "no longer in the page's list of resources: removed, replaced, or never kept",
};

/**
 * The account of what a page asked for: everything known to have been requested is either captured or omitted with a reason.
 *
 * One entry stands for one address and one manner: a picture in the page and the same address fetched by a script are two.
 * Known are the browser's resource lists, each frame's timing entries, the passive buffer and the workers. Not known, and therefore not
 * listed: what a worker fetched, and what a page cleared from its own timing list, when there is no passive buffer.
 */
export class Account {
  constructor() {
    /** @type {Map<string, OmittedResource & {times: number}>} */
    this.requested = new Map();
    /** @type {Set<string>} */
    this.captured = new Set();
  }

  /** @param {string} url @param {string} type @param {string} [reason] */
  ask(url, type, reason) {
    const address = bare(url);
    if (!isLoadable(address) && !/^wss?:/.test(address)) return;
    const key = keyOf(address, type);
    const entry = this.requested.get(key) ?? { url: address, type: TYPES[type] ?? type, reason: reason ?? reasonFor(type), times: 0 };
    this.requested.set(key, { ...entry, reason: reason ?? entry.reason, times: isScripted(type) ? entry.times + 1 : 1 });
  }

  /** @param {string} url @param {string} type @returns {boolean} */
  lacks(url, type) {
    const key = keyOf(bare(url), type);
    return this.requested.has(key) && !this.captured.has(key);
  }

  /** @param {string} url @param {string} type @returns {boolean} */
  has(url, type) {
    return this.requested.has(keyOf(bare(url), type));
  }

  /** @param {string} url @param {string} type */
  capture(url, type) {
    const key = keyOf(bare(url), type);
    if (!this.requested.has(key)) this.ask(url, type);
    this.captured.add(key);
  }

  /** @param {string} url @param {string} type @param {string} reason */
  omit(url, type, reason) {
    const key = keyOf(bare(url), type);
    const entry = this.requested.get(key);
    if (entry) entry.reason = reason;
    else this.ask(url, type, reason);
  }

  /** @returns {OmittedResource[]} requested and not captured, sorted by address */
  get omitted() {
    return [...this.requested].filter(([key]) => !this.captured.has(key)).map(([, { url, type, reason, times }]) => (
      { url, type, reason, ...(times > 1 ? { times } : {}) })).sort((left, right) => (left.url < right.url ? -1 : 1));
  }
}

/**
 * @param {Account} account @param {Frame[]} frames @param {PassiveRequest[]} passive @param {{type: string, url: string}[]} children of the debugger
 */
export function fillAccount(account, frames, passive, children) {
  for (const { url, resources, probe } of frames) {
    if (isLoadable(url)) account.ask(url, "Document");
    for (const resource of resources) account.ask(resource.url, resource.type);
    for (const { url: address, kind } of probe?.timing ?? []) if (kind !== "navigation" && (isScripted(kind) || !account.has(address, kind))) account.ask(address, kind);
  }
  for (const hop of passive) {
    if (hop.redirectTo !== null) account.ask(hop.url, "redirect", "a redirect: the browser keeps no body of it");
    else if (!account.has(hop.url, hop.type)) account.ask(hop.url, hop.type);
    if (hop.error !== null) account.omit(hop.url, hop.type, `not loaded: ${hop.error}`);
  }
  const controllers = new Set(frames.map(({ probe }) => probe?.controller)); // the browser lists those of the whole host
  for (const { type, url } of children) if (/worker/.test(type) && (type !== "service_worker" || controllers.has(url))) account.ask(url, type, "a worker's program: the browser does not list its body; what it fetched is not listed either");
}

/** @param {string} url @returns {string} without fragment */
function bare(url) {
  return url.replace(/#.*$/s, "");
}

/** @param {string} url @param {string} type @returns {string} */
function keyOf(url, type) {
  const manner = type === "redirect" ? "redirect" : isScripted(type) ? "script" : "page";
  return `${manner}\n${url}`;
}

/** @param {string} type @returns {string} */
function reasonFor(type) {
  if (isScripted(type)) return REASONS.script;
  return /^(video|audio|media|track)$/i.test(type) ? REASONS.media : REASONS.gone;
}

/** @param {string} type @returns {boolean} */
function isScripted(type) {
  return BY_SCRIPT.has(type);
}
