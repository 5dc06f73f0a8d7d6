import { findPattern, parsePatterns } from "./patterns.js";

/**
 * Captures the pages of listed sites while the person browses. Off unless the person turns it on; never in private windows.
 *
 * One committed navigation is one capture, once it has loaded and its tab is in front; the same address not again before the interval is over. An address
 * whose capture failed, or for which there was no time because its tab was being captured, is free again. A page can change its address without end: so a
 * listed site, its subdomains included, is captured a limited number of times an hour; what is over is counted, and readLimits() tells of it.
 * @typedef {{isOn: boolean, patterns: string, intervalMin: number}} AutoSettings  kept in chrome.storage.local as `auto`
 * @typedef {{get(key: string): Promise<Record<string, any>>, set(items: Record<string, any>): Promise<void>}} Area
 * @typedef {{tabId: number, url: string}} Loaded
 * @typedef {"done" | "failed" | "busy"} Outcome  done: in the queue, or discarded by the person; busy: the tab was being captured already
 * @typedef {object} Tools
 * @property {Area} local    chrome.storage.local
 * @property {Area} session  chrome.storage.session
 * @property {Pick<LockManager, "request">} locks
 * @property {(tabId: number) => Promise<{active: boolean, incognito: boolean, url: string}>} readTab
 * @property {(tabId: number) => Promise<Outcome>} capture
 * @property {(ms: number) => Promise<void>} pause
 * @property {() => number} now milliseconds since 1970
 * @property {() => Promise<boolean>} isShutOut the service takes nothing from this browser or its person now
 */

/** @type {AutoSettings} */
export const AUTO_OFF = { isOn: false, patterns: "", intervalMin: 60 };
const MAX_REMEMBERED = 2000;
export const MAX_PER_HOUR = 60;
const HOUR_MS = 3_600_000;
/** For so long it is told what was over the limit. */
const TOLD_MS = 24 * HOUR_MS;
/** How often, and how long apart, a page is tried whose tab is being captured. */
const BUSY = { times: 30, ms: 2000 };

/** @param {Pick<Tools, "local">} tools @returns {Promise<AutoSettings>} */
export async function readAuto({ local }) {
  return { ...AUTO_OFF, ...(await local.get("auto"))["auto"] };
}

/**
 * What a person should know of the hourly limit, by listed site.
 * @typedef {{site: string, until: number | null, missed: number, lastAt: number}} SiteLimit  until: when pages are captured again, null: they are;
 *   missed: pages of the last day or so that were over the limit; lastAt: the last of them; times in milliseconds since 1970
 * @param {Pick<Tools, "local" | "now">} tools @returns {Promise<SiteLimit[]>} those sites only that are at the limit, or were over it
 */
export async function readLimits({ local, now }) {
  const { begun, over } = await readMemory(local);
  const at = now();
  return [...new Set([...Object.keys(begun), ...Object.keys(over)])].sort().flatMap((site) => {
    const ofHour = (begun[site] ?? []).filter((time) => at - time < HOUR_MS);
    const { missed, lastAt } = over[site] && at - over[site].lastAt < TOLD_MS ? over[site] : { missed: 0, lastAt: 0 };
    const until = ofHour.length >= MAX_PER_HOUR ? ofHour[ofHour.length - MAX_PER_HOUR] + HOUR_MS : null;
    return until === null && missed === 0 ? [] : [{ site, until, missed, lastAt }];
  });
}

/** A page of the main frame has loaded. @param {Loaded} loaded @param {Tools} tools @returns {Promise<boolean>} whether it was captured now */
export async function onLoaded({ tabId, url }, tools) {
  const settings = await readAuto(tools);
  const site = settings.isOn ? findPattern(parsePatterns(settings.patterns).patterns, url)?.host : undefined;
  if (site === undefined || await tools.isShutOut()) return false; // without the person asking for it, nothing is collected that may not be sent
  for (let times = 0; times < BUSY.times; times += 1) {
    const tab = await tools.readTab(tabId);
    if (tab.incognito || tab.url !== url) return false;
    if (!tab.active) {
      await tools.session.set({ [pendingKey(tabId)]: url }); // it is captured when the person looks at it
      return false;
    }
    if (!(await claim(url, site, settings, tools))) return false;
    const outcome = await tools.capture(tabId).catch(() => /** @type {const} */ ("failed"));
    if (outcome === "done") return true;
    await unclaim(url, site, outcome, tools);
    if (outcome === "failed") return false;
    await tools.pause(BUSY.ms);
  }
  return false;
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
 * Takes the right to capture an address now, in one step for all listeners. Remembered is a hash of the address and the time, not the address; and of
 * each listed site when its captures of the last hour were begun.
 * @param {string} url @param {string} site @param {AutoSettings} settings @param {Tools} tools @returns {Promise<boolean>}
 */
async function claim(url, site, { intervalMin }, { local, locks, now }) {
  const key = await keyOf(url);
  return locks.request("holdstill-auto", {}, async () => {
    const { seen, begun, over } = await readMemory(local);
    const at = now();
    const ofHour = Object.fromEntries(Object.entries(begun).map(([one, times]) => [one, times.filter((time) => at - time < HOUR_MS)]).filter(([, times]) => times.length > 0));
    if (seen[key] !== undefined && at - seen[key] < intervalMin * 60_000) return false;
    if ((ofHour[site]?.length ?? 0) >= MAX_PER_HOUR) {
      const told = Object.fromEntries(Object.entries(over).filter(([, { lastAt }]) => at - lastAt < TOLD_MS));
      await local.set({ autoOver: { ...told, [site]: { missed: (told[site]?.missed ?? 0) + 1, lastAt: at } } });
      return false;
    }
    const recent = Object.entries(seen).filter(([other]) => other !== key).sort(([, left], [, right]) => right - left).slice(0, MAX_REMEMBERED - 1);
    await local.set({ autoSeen: Object.fromEntries([[key, at], ...recent]), autoBegun: { ...ofHour, [site]: [...ofHour[site] ?? [], at] } });
    return true;
  });
}

/**
 * Gives the right back. One that failed counts for the hour all the same: a page that breaks its own capture is not tried without end.
 * @param {string} url @param {string} site @param {Outcome} outcome @param {Tools} tools
 */
async function unclaim(url, site, outcome, { local, locks }) {
  const key = await keyOf(url);
  await locks.request("holdstill-auto", {}, async () => {
    const { seen: { [key]: _claim, ...autoSeen }, begun } = await readMemory(local);
    await local.set({ autoSeen, ...(outcome === "busy" && { autoBegun: { ...begun, [site]: (begun[site] ?? []).slice(0, -1) } }) });
  });
}

/**
 * @param {Area} local
 * @returns {Promise<{seen: Record<string, number>, begun: Record<string, number[]>, over: Record<string, {missed: number, lastAt: number}>}>} times: milliseconds since 1970
 */
async function readMemory(local) {
  const [seen, begun, over] = await Promise.all(["autoSeen", "autoBegun", "autoOver"].map(async (key) => (await local.get(key))[key] ?? {}));
  return { seen, begun, over };
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
