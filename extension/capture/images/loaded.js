import { isLoadable } from "../bodies.js";
import { bytesFromBase64 } from "../bodybytes.js";
import { TabDebugger } from "../debugger.js";
import { listFrames } from "../frames.js";
import { PickedImage } from "./picked.js";

/** @typedef {{bytes: import("../../seal/encoding.js").Bytes, source: "load" | "refetched"}} LoadedImage */
/** @typedef {{wish: import("./place.js").ImageWish, mayRefetch: boolean, buffer: unknown}} ImageQuestion buffer: startBuffer()'s; Firefox uses it */

const READ_MS = 5000;

/**
 * The bytes of a picture that is on screen, out of what the browser holds of its load; nothing is archived or kept.
 *
 * The rule is that of a picked image: only when the load gives none, and the person's setting says so, is the site asked again.
 * @param {number} tabId @param {ImageQuestion} question @returns {Promise<LoadedImage | null>} null: neither gives it @throws {Error} when the page may not be read
 */
export async function readLoadedImage(tabId, { wish, mayRefetch }) {
  const picked = new PickedImage({ wish, place: null, mayRefetch });
  if (picked.original !== null) return { bytes: picked.original.bytes, source: "load" };
  if (!isLoadable(wish.srcUrl)) return null;
  const tab = await TabDebugger.attach(tabId);
  try {
    await tab.attachChildren();
    const frames = await listFrames(tab);
    await readHeld(tab, frames, picked);
    await picked.refetch(tab, frames).catch(() => null); // the site gave nothing: what is visible must do
  } finally {
    await tab.detach();
  }
  const original = /** @type {import("./picked.js").Original | null} */ (picked.original);
  return original === null ? null : { bytes: original.bytes, source: original.source === "refetched" ? "refetched" : "load" };
}

/** @param {TabDebugger} tab @param {import("../frames.js").Frame[]} frames @param {PickedImage} picked */
async function readHeld(tab, frames, picked) {
  const wanted = bare(picked.wish.srcUrl);
  for (const frame of frames) {
    const listed = frame.resources.find(({ url, type }) => type === "Image" && bare(url) === wanted);
    if (!listed) continue;
    try {
      // The browser asks for stylesheets and manifests anew before it hands out anything of a frame: those stay blocked meanwhile (see bodies.js).
      const urls = frame.resources.filter(({ type }) => type === "Stylesheet" || type === "Manifest").map(({ url }) => bare(url));
      await tab.send(frame.target, "Network.setBlockedURLs", { urls: [...new Set(urls)].filter(isLoadable) });
      const answer = await tab.send(frame.target, "Page.getResourceContent", { frameId: frame.id, url: listed.url }, READ_MS);
      const bytes = answer.base64Encoded ? bytesFromBase64(answer.content) : new TextEncoder().encode(answer.content);
      if (bytes.length > 0) picked.offer({ url: listed.url, type: "Image", mime: listed.mime, source: "live_memory", bytes, text: null, exact: true, note: "" }, listed.url);
    } catch { /* this frame does not hold it any more: another may */ } finally {
      await tab.send(frame.target, "Network.setBlockedURLs", { urls: [] });
    }
    if (picked.original !== null) return;
  }
}

/** @param {string} url @returns {string} without fragment */
function bare(url) {
  return url.replace(/#.*$/s, "");
}
