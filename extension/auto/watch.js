import { isListed, parsePatterns } from "./patterns.js";

/**
 * Captures the pages of listed sites while the person browses. Off unless the person turns it on; never in private windows.
 *
 * One committed navigation is one capture, once it has loaded and its tab is in front; the same address not again before the interval is over.
 * @typedef {{isOn: boolean, patterns: string, intervalMin: number}} AutoSettings  kept in chrome.storage.local as `auto`
 * @typedef {{get(key: string): Promise<Record<string, any>>, set(items: Record<string, any>): Promise<void>}} Area
 * @typedef {{tabId: number, url: string}} Loaded
 * @typedef {object} Tools
 * @property {Area} local    chrome.storage.local
 * @property {Area} session  chrome.storage.session
 * @property {Pick<LockManager, "request">} locks
 * @property {(tabId: number) => Promise<{active: boolean, incognito: boolean, url: string}>} readTab
 * @property {(tabId: number) => Promise<void>} capture
 * @property {() => number} now milliseconds since 1970
 */

/** @type {AutoSettings} */
export const AUTO_OFF = { isOn: false, patterns: "", intervalMin: 60 };
const MAX_REMEMBERED = 2000;

/** @param {Pick<Tools, "local">} tools @returns {Promise<AutoSettings>} */
export async function readAuto({ local }) {
  return { ...AUTO_OFF, ...(await local.get("auto"))["auto"] };
}

/** A page of the main frame has loaded. @param {Loaded} loaded @param {Tools} tools @returns {Promise<boolean>} whether it was captured now */
export async function onLoaded({ tabId, url }, tools) {
  const settings = await readAuto(tools);
  if (!settings.isOn || !isListed(parsePatterns(settings.patterns).patterns, url)) return false;
  const tab = await tools.readTab(tabId);
  if (tab.incognito || tab.url !== url) return false;
  if (!tab.active) {
    await tools.session.set({ [pendingKey(tabId)]: url }); // it is captured when the person looks at it
    return false;
  }
  if (!(await claim(url, settings, tools))) return false;
  await tools.capture(tabId);
  return true;
}

/** A tab came to the front. @param {number} tabId @param {Tools} tools @returns {Promise<boolean>} */
export async function onShown(tabId, tools) {
  const key = pendingKey(tabId);
  const url = (await tools.session.get(key))[key];
  if (typeof url !== "string" || url === "") return false;
  await tools.session.set({ [key]: "" });
  return onLoaded({ tabId, url }, tools);
}

/**
 * Takes the right to capture an address now, in one step for all listeners. Remembered is a hash of the address and the time, not the address.
 * @param {string} url @param {AutoSettings} settings @param {Tools} tools @returns {Promise<boolean>}
 */
async function claim(url, { intervalMin }, { local, locks, now }) {
  const key = await keyOf(url);
  return locks.request("holdstill-auto", {}, async () => {
    /** @type {Record<string, number>} */
    const seen = (await local.get("autoSeen"))["autoSeen"] ?? {};
    const at = now();
    if (seen[key] !== undefined && at - seen[key] < intervalMin * 60_000) return false;
    const recent = Object.entries(seen).filter(([other]) => other !== key).sort(([, left], [, right]) => right - left).slice(0, MAX_REMEMBERED - 1);
    await local.set({ autoSeen: Object.fromEntries([[key, at], ...recent]) });
    return true;
  });
}

/** @param {string} url @returns {Promise<string>} */
async function keyOf(url) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(url));
  return Array.from(new Uint8Array(digest, 0, 12), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {number} tabId */
function pendingKey(tabId) {
  return `auto:${tabId}`;
}
