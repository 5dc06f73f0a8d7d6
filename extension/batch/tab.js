import { TabDebugger } from "../capture/debugger.js";
import { reasonOf } from "../capture/steps.js";
import { refOf } from "./reducer.js";

/** @typedef {import("./reducer.js").Outcome} Outcome */
/** @typedef {(start: {tabId: number, draft: import("../queue/runs.js").Draft, trigger: "list", ref: string}) => Promise<import("../queue/runs.js").Run | null>} StartCapture */

const LOAD_MS = 30_000;
const POLL_MS = 200;
const QUIET_MS = 800;
const TAB_KEY = "batchTab";

/** The address gave no page; `reason` is a code of _locales (batch_reason_<code>). */
class NoPage extends Error {
  /** @param {string} reason @param {string} [detail] */
  constructor(reason, detail = "") {
    super(detail);
    this.reason = reason;
  }
}

/**
 * Opens an address in a tab in the background, waits until it is quiet, captures it, closes the tab. A page of any HTTP status is captured: that
 * an account is gone is a finding too. Not captured: what the browser could not load, a download, the browser's own pages.
 * @param {import("./reducer.js").Entry} entry @param {import("./reducer.js").Batch} batch @param {StartCapture} startCapture
 * @returns {Promise<Outcome>}
 */
export async function captureAddress(entry, batch, startCapture) {
  /** @type {number | null} */
  let status = null;
  /** @type {number | undefined} */
  let tabId;
  try {
    const tab = await chrome.tabs.create({ url: entry.url, active: false });
    tabId = /** @type {number} */ (tab.id);
    await chrome.storage.session.set({ [TAB_KEY]: tabId });
    const deadline = Date.now() + LOAD_MS;
    await waitForLoad(tabId, deadline);
    status = await waitForQuiet(tabId, deadline);
    const draft = { ...batch.form, typingUntil: 0, discarded: false };
    const run = await startCapture({ tabId, draft, trigger: "list", ref: refOf(entry.batchId, entry.index) });
    if (run?.captureId) return { state: "captured", captureId: run.captureId, status };
    return { state: "failed", reason: "not_captured", detail: run?.error ?? "", status };
  } catch (error) {
    if (error instanceof NoPage) return { state: "failed", reason: error.reason, detail: error.message, status };
    return { state: "failed", reason: "not_captured", detail: reasonOf(error), status };
  } finally {
    await closeTab(tabId);
  }
}

/** Closes the tab that a worker left when it died; after a restart of the browser nothing is known of it any more. */
export async function closeLeftover() {
  const { [TAB_KEY]: tabId } = await chrome.storage.session.get(TAB_KEY);
  if (typeof tabId === "number") await closeTab(tabId);
}

/** @param {number | undefined} tabId */
async function closeTab(tabId) {
  if (tabId !== undefined) await chrome.tabs.remove(tabId).catch(() => undefined); // a page can close itself
  await chrome.storage.session.remove(TAB_KEY);
}

/** @param {number} tabId @param {number} deadline @returns {Promise<void>} also when the deadline is over: then what is there is captured */
async function waitForLoad(tabId, deadline) {
  for (;;) {
    const tab = await chrome.tabs.get(tabId).catch(() => {
      throw new NoPage("closed");
    });
    if (tab.status === "complete" && /^https?:/.test(tab.url ?? "")) return;
    if (tab.status === "complete" && !tab.pendingUrl && tab.url !== "" && tab.url !== "about:blank") throw new NoPage("not_a_page", tab.url);
    if (Date.now() > deadline) {
      if (!/^https?:/.test(tab.url ?? "")) throw new NoPage("no_answer");
      return;
    }
    await pause(POLL_MS);
  }
}

/**
 * Waits until nothing more was loaded for a while.
 * @param {number} tabId @param {number} deadline @returns {Promise<number | null>} the page's HTTP status @throws {NoPage}
 */
async function waitForQuiet(tabId, deadline) {
  if (!chrome.debugger) { // Firefox: loaded is all that can be known from outside
    await pause(2 * QUIET_MS);
    return null;
  }
  const tab = await TabDebugger.attach(tabId).catch((error) => {
    throw new NoPage("refused", reasonOf(error));
  });
  try {
    const { frameTree } = await tab.send(tab.root, "Page.getFrameTree");
    if (frameTree.frame.unreachableUrl) throw new NoPage("unreachable");
    const { executionContextId } = await tab.send(tab.root, "Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "holdstill" });
    let seen = { count: -1, status: 0, busy: true };
    let since = Date.now();
    while (Date.now() < deadline && (seen.busy || Date.now() - since < QUIET_MS)) {
      const { result } = await tab.send(tab.root, "Runtime.evaluate", { contextId: executionContextId, expression: `(${activity})()`, returnByValue: true });
      if (result.value.count !== seen.count) since = Date.now();
      seen = result.value;
      await pause(POLL_MS);
    }
    return seen.status || null;
  } finally {
    await tab.detach();
  }
}

/** Runs in the page. @returns {{count: number, status: number, busy: boolean}} what was loaded so far; whether a visible picture is still on its way */
function activity() {
  const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  const busy = document.readyState !== "complete" || [...document.images].some((image) => !image.complete && image.loading !== "lazy");
  return { count: performance.getEntriesByType("resource").length, status: navigation?.responseStatus ?? 0, busy };
}

/** @param {number} ms @returns {Promise<void>} */
function pause(ms) {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}
