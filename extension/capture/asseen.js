import { COLLECT_STEPS, collect, collectByScript } from "./collect.js";
import { TabDebugger } from "./debugger.js";
import { runSecondPass } from "./secondpass.js";
import { finish, openSession } from "./session.js";
import { requireTabId, takeViewportShot } from "./viewport.js";

/** @typedef {import("./types.js").CaptureOptions} CaptureOptions */
/** @typedef {import("./types.js").CaptureResult} CaptureResult */

const ATTACH_MS = 5000;
const DETACH_MS = 3000;

/**
 * Captures the page in a tab as it is on screen: nothing is reloaded, scrolled, hidden, cleared, and nothing is asked of the site.
 *
 * When the debugger is cancelled, what was already read is kept and the steps say what is missing. When it cannot attach (a policy, a page of the
 * browser's own) the DOM is read by a script of the extension, where that is allowed; else there is the viewport shot.
 * @param {chrome.tabs.Tab} tab @param {CaptureOptions} [options] @returns {Promise<CaptureResult>}
 * @throws {Error} when not even the viewport shot can be taken, or the archive cannot be written: then there is no capture
 */
export async function captureAsSeen(tab, options = {}) {
  const tabId = requireTabId(tab);
  const viewport = options.viewport ?? await takeViewportShot(tab);
  const session = await openSession(tabId, viewport, options, COLLECT_STEPS + 2);
  const { collected, method } = await readTab(session, tabId);
  return finish(session, collected, method);
}

/**
 * Reads what is on screen into an open archive: attach, collect, detach.
 * @param {import("./session.js").Session} session @param {number} tabId
 * @returns {Promise<{collected: import("./collect.js").Collected | null, method: "viewport_only" | "scripting" | "chrome.debugger"}>} null: nothing but the viewport shot
 */
export async function readTab(session, tabId) {
  const { steps } = session;
  const tabDebugger = await steps.run("attach debugger", ATTACH_MS, (signal) => attach(tabId, signal));
  /** @type {import("./collect.js").Collected | null} */
  let collected = null;
  if (tabDebugger !== null) {
    try {
      collected = await collect(tabDebugger, session.collector);
      if (session.options.secondPass && !tabDebugger.lost) await runSecondPass(tabDebugger, session);
    } finally {
      await steps.run("detach", DETACH_MS, () => tabDebugger.detach());
    }
    if (tabDebugger.lost) session.notes.push(`the debugger was lost during the capture: ${tabDebugger.lost.reason}`);
  }
  collected ??= await collectByScript(tabId, session.collector);
  return { collected, method: tabDebugger !== null ? "chrome.debugger" : collected ? "scripting" : "viewport_only" };
}

/** @param {number} tabId @param {AbortSignal} signal @returns {Promise<TabDebugger>} a late success is undone: nobody would detach it */
async function attach(tabId, signal) {
  const tabDebugger = await TabDebugger.attach(tabId);
  if (signal.aborted) await tabDebugger.detach();
  return tabDebugger;
}
