import { placeAtOnce } from "./images/place.js";
import { pickRegion } from "./region.js";

/** @typedef {import("./types.js").ViewportShot} ViewportShot */
/** @typedef {({kind: "image"} & import("./images/place.js").ImageWish) | {kind: "region"}} SelectionWish  what the person asked for beyond the page */
/** @typedef {import("./types.js").CaptureOptions["selected"]} Selected */

/**
 * Finds out, right after the shot, which part of it is meant.
 * @param {chrome.tabs.Tab & {id: number}} tab @param {SelectionWish} wish @param {ViewportShot} shot
 * @param {{words: {title: string, help: string}, mayRefetch: boolean}} options
 * @returns {Promise<Selected>} @throws {import("./region.js").RegionCancelled | import("./region.js").RegionRefused}
 */
export async function select(tab, wish, shot, { words, mayRefetch }) {
  if (wish.kind === "region") {
    const box = await pickRegion(tab.id, shot, words);
    return { kind: "region", box };
  }
  const { srcUrl, frameUrl, frameId } = wish;
  return { kind: "image", wish: { srcUrl, frameUrl, frameId }, place: await placeAtOnce(tab.id, wish), mayRefetch };
}
