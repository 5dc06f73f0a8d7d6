import { captureAsSeen, captureRecorded, captureReloaded, startRecordings } from "./thisbrowser.js";

/** @typedef {import("./types.js").CaptureOptions} CaptureOptions */
/** @typedef {import("./types.js").CaptureResult} CaptureResult */
/** @typedef {NonNullable<CaptureOptions["mode"]>} Mode */

/**
 * The ways in which a tab can be captured, as this browser has them. Call it at the top level of the background script.
 * @returns {{recordings: ReturnType<typeof startRecordings>, capture: (tab: chrome.tabs.Tab, options: CaptureOptions) => Promise<CaptureResult>}}
 *   `recordings`: null where the browser needs none
 */
export function startModes() {
  const recordings = startRecordings();
  return {
    recordings,
    async capture(tab, { mode, ...options }) {
      if (recordings && tab.id !== undefined && await recordings.read(tab.id) !== null) return captureRecorded(tab, options, recordings);
      return mode === "reloaded" ? captureReloaded(tab, options) : captureAsSeen(tab, options);
    },
  };
}
