import { Account } from "../requested.js";

/** @typedef {import("./types.js").Exchange} Exchange */
/** @typedef {import("../types.js").OmittedResource} OmittedResource */

/**
 * The account of a page that was recorded: of what the recording saw, each exchange is captured or omitted by itself; of what was loaded before it
 * began, the page's own lists tell, as in a capture as seen.
 */
export class RecordedAccount extends Account {
  /** @param {Account} seen of the page on screen; it goes on being filled @param {Exchange[]} exchanges @param {{isFurther?: boolean}} [options] isFurther: of
   *   a second pass, which says nothing about what was loaded before it */
  constructor(seen, exchanges, { isFurther = false } = {}) {
    super();
    this.seen = seen;
    this.isFurther = isFurther;
    const captured = new Set(exchanges.filter(({ omitted }) => omitted === "").map(({ requestId }) => requestId));
    this.urls = new Set(exchanges.filter(({ requestId }) => captured.has(requestId)).map(({ url }) => url)); // of every hop that led to a body
    this.all = new Set(exchanges.map(({ url }) => url));
    /** @type {OmittedResource[]} */
    this.recordedOmissions = exchanges.filter(({ omitted }) => omitted !== "").map(({ url, type, omitted }) => ({ url, type, reason: omitted }));
  }

  /** @param {string} url @returns {boolean} whether the recording holds a body of this address */
  isRecorded(url) {
    return this.urls.has(url.replace(/#.*$/s, ""));
  }

  /** @param {string} url @param {string} type @param {string} [reason] */
  ask(url, type, reason) {
    this.seen.ask(url, type, reason);
  }

  /** @returns {OmittedResource[]} */
  get omitted() {
    if (this.isFurther) return [...this.seen.omitted, ...this.recordedOmissions];
    const before = this.seen.omitted.filter(({ url }) => !this.all.has(url)).map((entry) => ({ ...entry, reason: `loaded before the recording began; ${entry.reason}` }));
    return [...this.recordedOmissions, ...before].sort((left, right) => (left.url < right.url ? -1 : 1));
  }
}
