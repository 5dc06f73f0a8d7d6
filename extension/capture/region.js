import { base64 } from "../seal/encoding.js";
import { askRegion } from "./regionoverlay.js";

/** @typedef {import("./types.js").ViewportShot} ViewportShot */
/** @typedef {import("./types.js").Box} Box */

/** The person pressed Escape, or did not answer: there is nothing to capture. */
export class RegionCancelled extends Error {
  code = "region_cancelled";
}

/** The browser lets nothing be laid over this page. */
export class RegionRefused extends Error {
  code = "region_refused";
}

/**
 * Lets the person mark a part of the viewport shot.
 *
 * The shot is already taken and is what the overlay shows, so the region belongs to the shot even on a page that moves meanwhile. The overlay is
 * one element with a closed shadow root beside the page's body; it is gone before anything of the page is read. A script of the page that watches its own
 * document can notice it.
 * @param {number} tabId @param {ViewportShot} shot @param {{title: string, help: string}} words
 * @returns {Promise<Box>} CSS pixels from the top left corner of the viewport @throws {RegionCancelled | RegionRefused}
 */
export async function pickRegion(tabId, { png, facts }, words) {
  const picture = base64(new Uint8Array(await png.arrayBuffer()));
  /** @type {Box | null | undefined} */
  let box;
  try {
    const size = { width: facts.width, height: facts.height };
    const [answer] = await chrome.scripting.executeScript({ target: { tabId }, func: askRegion, args: [picture, size, words] });
    box = answer?.result;
  } catch (cause) {
    throw new RegionRefused("nothing can be laid over this page", { cause });
  }
  if (!box) throw new RegionCancelled("no region was marked");
  return box;
}
