/** @typedef {import("./tab.js").TabRecorder} TabRecorder */

const QUIET_MS = 1000;
const POLL_MS = 100;

/**
 * Returns when nothing has been loaded for a second, or after the limit. @param {TabRecorder} recorder @param {number} limitMs @returns {Promise<void>}
 */
export async function whenQuiet(recorder, limitMs) {
  const began = performance.now();
  while (performance.now() - began < limitMs) {
    if (!recorder.isBusy && performance.now() - recorder.lastEventAt >= QUIET_MS) return;
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
  }
}
