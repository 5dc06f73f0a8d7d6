import { bytesFromBase64 } from "../bodybytes.js";
import { readFacts, requireTabId, shootVisible } from "../viewport.js";

/**
 * The picture of what the person saw, taken before anything else touches the page, and the facts that go with it.
 *
 * A tab that is not in front is drawn beside the screen; `facts.shotBy` tells which way it was.
 * @param {chrome.tabs.Tab} tab @returns {Promise<import("../types.js").ViewportShot>}
 * @throws {Error} when neither way gives a picture; then there is nothing to capture
 */
export async function takeViewportShot(tab) {
  const tabId = requireTabId(tab);
  const visible = await shootVisible(tabId, tab.windowId);
  const png = visible ?? await shootHidden(tabId);
  const capturedAt = new Date().toISOString();
  const facts = await readFacts(tabId, tab);
  const now = await chrome.tabs.get(tabId);
  return { png, facts: { url: now.url ?? tab.url ?? "", title: now.title ?? tab.title ?? "", ...facts, capturedAt, shotBy: visible ? "captureVisibleTab" : "captureTab" } };
}

/** @param {number} tabId @returns {Promise<Blob>} */
async function shootHidden(tabId) {
  const url = await /** @type {any} */ (chrome.tabs).captureTab(tabId, { format: "png" });
  return new Blob([bytesFromBase64(url.slice(url.indexOf(",") + 1))], { type: "image/png" });
}
