import { concat } from "../../seal/encoding.js";
import { bytesOfDataUrl } from "../images/type.js";

/**
 * The bytes of a picture that is on screen, out of the ring buffer, which kept them while they came; the site is not asked.
 * @param {number} tabId @param {import("../images/loaded.js").ImageQuestion} question
 * @returns {Promise<import("../images/loaded.js").LoadedImage | null>} null: the buffer has it not, or not whole
 */
export async function readLoadedImage(tabId, { wish, buffer }) {
  const inline = bytesOfDataUrl(wish.srcUrl);
  if (inline !== null) return { bytes: inline, source: "load" };
  const stream = /** @type {import("./streamfilter.js").StreamBuffer | null} */ (buffer);
  const wanted = bare(wish.srcUrl);
  const exchanges = stream?.state.exchanges.filter((hop) => hop.tabId === tabId) ?? [];
  // A redirect's last hop has another address than the page's: what began with the wanted one counts too.
  const ids = new Set(exchanges.filter(({ url }) => bare(url) === wanted).map(({ id }) => id));
  const whole = exchanges.findLast(({ id, type, redirectTo, body, error }) => (
    ids.has(id) && /^image/.test(type) && redirectTo === null && error === null && body.state === "complete" && body.sizeBytes > 0));
  return whole ? { bytes: concat(...whole.body.chunks), source: "load" } : null;
}

/** @param {string} url @returns {string} without fragment */
function bare(url) {
  return url.replace(/#.*$/s, "");
}
