import { collect, COLLECT_STEPS } from "./collect.js";
import { finish, openSession } from "../session.js";
import { requireTabId } from "../viewport.js";
import { takeViewportShot } from "./viewport.js";

/** @typedef {import("../types.js").CaptureOptions} CaptureOptions */
/** @typedef {import("../types.js").CaptureResult} CaptureResult */

/**
 * Captures the page in a tab as it is on screen: nothing is reloaded, scrolled, hidden, cleared, and nothing is asked of the site.
 *
 * The bodies come out of the ring buffer, which kept them while the page loaded. Where it was not armed for this load, the shots and the DOM
 * are what there is, and the account says why.
 * @param {chrome.tabs.Tab} tab @param {CaptureOptions} [options] `passive`: the stream buffer @returns {Promise<CaptureResult>}
 * @throws {Error} when not even the viewport shot can be taken, or the archive cannot be written: then there is no capture
 */
export async function captureAsSeen(tab, options = {}) {
  const tabId = requireTabId(tab);
  const viewport = options.viewport ?? await takeViewportShot(tab);
  const stream = /** @type {import("./streamfilter.js").StreamBuffer | null} */ (options.passive ?? null);
  const session = await openSession(tabId, viewport, options, COLLECT_STEPS);
  const reading = await collect(tabId, session, stream);
  return finish(session, reading.collected, methodOf(reading));
}

/** @param {Awaited<ReturnType<typeof collect>>} reading @returns {string} how the page was read, as statements say it */
export function methodOf({ collected, isArmed }) {
  if (isArmed) return "webRequest.filterResponseData";
  return collected === null ? "viewport_only" : "dom_only";
}
