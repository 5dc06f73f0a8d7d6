/**
 * The person's consent to keep what pages load, and its bounds. Without it nothing is observed and nothing is kept.
 * @typedef {object} Consent
 * @property {string | null} givenAt   RFC 3339; null: not given, or taken back
 * @property {number} megabytes        kept per tab
 * @property {"all" | "only" | "except"} sites
 * @property {string[]} list           host names, each with its subdomains
 */

const KEY = "buffer";
const MEGABYTES = { least: 8, most: 512, usual: 64 };

/** @type {Readonly<Consent>} */
export const NO_CONSENT = Object.freeze({ givenAt: null, megabytes: MEGABYTES.usual, sites: "all", list: [] });

/** @returns {Promise<Consent>} */
export async function readConsent() {
  return parseConsent((await chrome.storage.local.get(KEY))[KEY]);
}

/** @param {Consent} consent @returns {Promise<void>} */
export async function saveConsent(consent) {
  await chrome.storage.local.set({ [KEY]: consent });
}

/** Must be called in the worker's first turn. @param {(consent: Consent) => void} tell */
export function onConsentChanged(tell) {
  chrome.storage.onChanged.addListener((changes, area) => {
    if (area === "local" && KEY in changes) tell(parseConsent(changes[KEY].newValue));
  });
}

/** @param {any} stored @returns {Consent} anything unknown reads as not given */
export function parseConsent(stored) {
  if (typeof stored?.givenAt !== "string" && stored?.givenAt !== null) return NO_CONSENT;
  const sites = ["only", "except"].includes(stored.sites) ? stored.sites : "all";
  const list = Array.isArray(stored.list) ? stored.list.filter((/** @type {unknown} */ host) => typeof host === "string") : [];
  const megabytes = Number.isFinite(stored.megabytes) ? Math.min(MEGABYTES.most, Math.max(MEGABYTES.least, Math.round(stored.megabytes))) : MEGABYTES.usual;
  return { givenAt: stored.givenAt, megabytes, sites, list };
}

/** @param {string} text one host or address per line, or separated by commas @returns {string[]} host names */
export function parseHosts(text) {
  const hosts = text.split(/[\s,]+/).filter((part) => part !== "").map((part) => {
    const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(part) ? part : `https://${part}`;
    return URL.canParse(address) ? new URL(address).hostname : "";
  });
  return [...new Set(hosts.filter((host) => host !== ""))];
}

/** @param {Consent} consent @param {string} url of the page, not of what it loads @returns {boolean} */
export function isWanted(consent, url) {
  if (consent.givenAt === null || !/^https?:/.test(url)) return false;
  if (consent.sites === "all") return true;
  const { hostname } = new URL(url);
  const isListed = consent.list.some((host) => hostname === host || hostname.endsWith(`.${host}`));
  return consent.sites === "only" ? isListed : !isListed;
}
