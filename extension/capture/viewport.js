import { bytesFromBase64 } from "./bodybytes.js";
import { TabDebugger } from "./debugger.js";

/** @typedef {import("./types.js").ViewportShot} ViewportShot */
/** @typedef {import("./types.js").ViewportFacts} ViewportFacts */
/** @typedef {Pick<ViewportFacts, "scrollX" | "scrollY" | "width" | "height" | "devicePixelRatio" | "timeZone" | "language" | "userAgent">} WindowFacts */

/**
 * The picture of what the person saw, taken before anything else touches the page, and the facts that go with it.
 *
 * `captureVisibleTab` photographs whatever tab is in front; if that is not (or no longer) the wanted one, its picture is thrown away and the
 * debugger takes the shot instead. `facts.shotBy` tells which.
 * @param {chrome.tabs.Tab} tab @returns {Promise<ViewportShot>}
 * @throws {Error} when neither way gives a picture; then there is nothing to capture
 */
export async function takeViewportShot(tab) {
  const tabId = requireTabId(tab);
  const visible = await shootVisible(tabId, tab.windowId);
  const capturedAt = new Date().toISOString();
  const shotBy = visible ? "captureVisibleTab" : "debugger";
  const { png, facts } = visible ? { png: visible, facts: await readFacts(tabId, tab) } : await shootByDebugger(tabId);
  const now = await chrome.tabs.get(tabId);
  return { png, facts: { url: now.url ?? tab.url ?? "", title: now.title ?? tab.title ?? "", ...facts, ...await sizeOf(png, facts), capturedAt, shotBy } };
}

/**
 * The viewport's size as the picture has it: the bar of an earlier capture may have left the window between the shot and the question.
 * @param {Blob} png @param {WindowFacts} facts @returns {Promise<{width: number, height: number}>} CSS pixels
 */
async function sizeOf(png, { devicePixelRatio }) {
  const header = new DataView(await png.slice(16, 24).arrayBuffer()); // IHDR: width and height
  return { width: Math.round(header.getUint32(0) / devicePixelRatio), height: Math.round(header.getUint32(4) / devicePixelRatio) };
}

/** @param {chrome.tabs.Tab} tab @returns {number} */
export function requireTabId(tab) {
  if (tab.id === undefined) throw new Error("this tab cannot be captured: it has no id");
  return tab.id;
}

/** @param {number} tabId @param {number} windowId @returns {Promise<Blob | null>} null: not in front, or not allowed */
export async function shootVisible(tabId, windowId) {
  if (!(await chrome.tabs.get(tabId)).active) return null;
  try {
    const url = await chrome.tabs.captureVisibleTab(windowId, { format: "png" });
    if (!(await chrome.tabs.get(tabId)).active) return null;
    return new Blob([bytesFromBase64(url.slice(url.indexOf(",") + 1))], { type: "image/png" });
  } catch {
    return null; // no activeTab (a tab opened by address, not by a click), or twice within half a second
  }
}

/** @param {number} tabId @param {chrome.tabs.Tab} tab @returns {Promise<WindowFacts>} */
export async function readFacts(tabId, tab) {
  try {
    const [{ result }] = await chrome.scripting.executeScript({ target: { tabId }, func: windowFacts });
    if (result) return result;
  } catch { /* a page of the browser's own: what the extension knows without it must do */ }
  return { scrollX: 0, scrollY: 0, width: tab.width ?? 0, height: tab.height ?? 0, devicePixelRatio: 1,
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone, language: navigator.language, userAgent: navigator.userAgent };
}

/** Runs in the page. @returns {WindowFacts} */
function windowFacts() {
  return { scrollX: window.scrollX, scrollY: window.scrollY, width: window.innerWidth, height: window.innerHeight,
    devicePixelRatio: window.devicePixelRatio, timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    language: navigator.language, userAgent: navigator.userAgent };
}

/** @param {number} tabId @returns {Promise<{png: Blob, facts: WindowFacts}>} */
async function shootByDebugger(tabId) {
  const tab = await TabDebugger.attach(tabId);
  try {
    const { data } = await tab.send(tab.root, "Page.captureScreenshot", { format: "png" });
    const { frameTree } = await tab.send(tab.root, "Page.getFrameTree");
    const world = await tab.send(tab.root, "Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "holdstill" });
    const { result } = await tab.send(tab.root, "Runtime.evaluate", {
      contextId: world.executionContextId, expression: `(${windowFacts})()`, returnByValue: true });
    return { png: new Blob([bytesFromBase64(data)], { type: "image/png" }), facts: result.value };
  } finally {
    await tab.detach();
  }
}
