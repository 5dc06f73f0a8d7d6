/** @typedef {import("./passive.js").PassiveRequest} PassiveRequest */
/** @typedef {import("./passive.js").PassiveBuffer} PassiveBuffer */
/** @typedef {{final: PassiveRequest, redirects: PassiveRequest[], count: number}} KnownResponse  count: of requests for that address and kind */

/** @type {Record<string, string[]>} the browser's resource type → webRequest's */
const KINDS = { Document: ["main_frame", "sub_frame", "object"], Stylesheet: ["stylesheet"], Script: ["script"], Image: ["image"], Font: ["font"] };

/** The responses that the passive buffer saw for the page on screen. */
export class KnownResponses {
  /** @param {PassiveRequest[]} hops @param {string} absence why a response may be missing here */
  constructor(hops, absence) {
    this.hops = hops;
    this.absence = absence;
  }

  /**
   * @param {PassiveBuffer | null} passive @param {number} tabId @param {string} url of the page
   * @returns {Promise<KnownResponses>}
   */
  static async of(passive, tabId, url) {
    if (passive === null) return new KnownResponses([], "the browser's request log is not available");
    if (!(await passive.observes(url))) return new KnownResponses([], "no permission to observe this site's requests");
    return new KnownResponses(await passive.requestsOf(tabId), "the page was loaded before its requests were observed, or from memory");
  }

  /** @param {string} url @param {string} type @returns {KnownResponse | null} the first answer, with the redirects that led to it */
  find(url, type) {
    const kinds = KINDS[type];
    const starts = this.hops.filter((hop) => hop.url === url && (kinds ? kinds.includes(hop.type) : true));
    for (const start of starts) {
      const chain = this.hops.filter(({ id }) => id === start.id);
      const from = chain.slice(chain.indexOf(start));
      const end = from.findIndex(({ redirectTo }) => redirectTo === null);
      const final = from[end];
      if (final && final.respondedAt !== null && final.error === null) return { final, redirects: from.slice(0, end), count: starts.length };
    }
    return null;
  }

  /** @param {string} url @param {string} type @returns {string | null} the encoding that the response declared */
  charsetOf(url, type) {
    const contentType = this.find(url, type)?.final.responseHeaders.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
    return /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType)?.[1] ?? null;
  }
}
