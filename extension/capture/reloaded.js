import { createWorkFolder } from "../archive/workfolder.js";
import { readTab } from "./asseen.js";
import { bytesFromBase64 } from "./bodybytes.js";
import { COLLECT_STEPS } from "./collect.js";
import { TabDebugger } from "./debugger.js";
import { captureRecording } from "./recorded/capture.js";
import { RecordedBodies } from "./recorded/bodies.js";
import { whenQuiet } from "./recorded/quiet.js";
import { TabRecorder } from "./recorded/tab.js";
import { finish, openSession, readTextBefore } from "./session.js";
import { reasonOf } from "./steps.js";
import { requireTabId, takeViewportShot } from "./viewport.js";

/** @typedef {import("./types.js").CaptureOptions} CaptureOptions */
/** @typedef {import("./types.js").CaptureResult} CaptureResult */
/** @typedef {{shot: Blob | null, reason: string}} SecondLoad  reason: why there was none; "" */

const LOAD_MS = 30000;
const POLL_MS = 100;
const SHOT_MS = 10000;

/**
 * Loads the page a second time, because the person asked for it, and captures that load; the shot of the first is kept, one of the second is added.
 *
 * The page's service worker stays in charge and the person's cache stays whole: it is only not asked. A page that came of a form is not loaded again,
 * because that would send the form again: it is captured as seen, and the notes say why.
 * @param {chrome.tabs.Tab} tab @param {CaptureOptions} options @returns {Promise<CaptureResult>} of mode "reloaded", or "as_seen"
 */
export async function captureReloaded(tab, options) {
  const tabId = requireTabId(tab);
  const viewport = options.viewport ?? await takeViewportShot(tab);
  const before = await readTextBefore(tabId);
  const asSeen = (/** @type {string} */ reason) => captureInstead(tabId, { ...options, viewport, mode: "as_seen" }, reason);
  const startedAt = new Date();
  const folder = await createWorkFolder(startedAt);
  if (folder === null) return asSeen("the browser has no private file system");
  /** @type {TabDebugger} */
  let debug;
  try {
    debug = await TabDebugger.attach(tabId);
  } catch (error) {
    return asSeen(reasonOf(error));
  }
  const guard = new PostGuard(debug);
  const recorder = new TabRecorder(debug, new RecordedBodies(folder.handle), { mayLoad: (params) => guard.mayLoad(params) });
  const { shot, reason } = await loadAgain(debug, recorder, guard);
  await recorder.stop();
  await debug.detach().catch(() => {});
  if (reason !== "") return asSeen(reason);
  const facts = { tabId, folder: folder.name, startedAt: startedAt.toISOString(), scope: /** @type {const} */ ("tab"), openedFrom: null,
    endedBy: debug.lost ? `the debugger was lost: ${debug.lost.reason}` : null };
  /** @type {import("./types.js").CaptureArtifact[]} */
  const artifacts = shot ? [{ role: "screenshot.viewport", name: "screenshot.viewport.2.png", mediaType: "image/png", blob: shot }] : [];
  return captureRecording(tab, { ...options, viewport, mode: "reloaded" }, { facts, folder: folder.handle, exchanges: recorder.log.exchanges }, { artifacts, before });
}

/** @param {number} tabId @param {CaptureOptions & {viewport: import("./types.js").ViewportShot}} options @param {string} reason @returns {Promise<CaptureResult>} as seen */
async function captureInstead(tabId, options, reason) {
  const session = await openSession(tabId, options.viewport, options, COLLECT_STEPS + 2);
  session.notes.push(`not reloaded: ${reason}`);
  session.added = { notReloaded: reason };
  const { collected, method } = await readTab(session, tabId);
  return finish(session, collected, method);
}

/** Lets no document be asked for with another method than GET, and remembers that one was. */
class PostGuard {
  /** @param {TabDebugger} debug */
  constructor(debug) {
    this.debug = debug;
    this.refused = "";
  }

  /** @param {any} params of Fetch.requestPaused @returns {boolean} */
  mayLoad({ request, frameId }) {
    if (request.method === "GET" || request.method === "HEAD") return true;
    this.refused = `${frameId === this.mainFrame ? "the page" : "a frame of the page"} was asked for with ${request.method}, and reloading would send that again`;
    return false;
  }

  /** @type {string | null} */
  mainFrame = null;

  /** @returns {Promise<string>} why this page must not be loaded again, as far as its history tells; "" */
  async judge() {
    const { frameTree } = await this.debug.send(this.debug.root, "Page.getFrameTree");
    this.mainFrame = frameTree.frame.id;
    const { currentIndex, entries } = await this.debug.send(this.debug.root, "Page.getNavigationHistory");
    return /^https?:/.test(entries[currentIndex].url) ? "" : "only pages of the web can be loaded again";
  }
}

/** @param {TabDebugger} debug @param {TabRecorder} recorder @param {PostGuard} guard @returns {Promise<SecondLoad>} */
async function loadAgain(debug, recorder, guard) {
  try {
    const reason = await guard.judge();
    if (reason !== "") return { shot: null, reason };
    const loaded = whenLoaded(debug);
    await debug.send(debug.root, "Page.enable");
    await recorder.start();
    await debug.send(debug.root, "Network.setCacheDisabled", { cacheDisabled: true });
    await debug.send(debug.root, "Page.reload", {});
    await Promise.race([loaded, whenRefused(guard), pause(LOAD_MS)]);
    if (guard.refused !== "") return { shot: null, reason: guard.refused };
    await whenQuiet(recorder, LOAD_MS);
    const { data } = await debug.send(debug.root, "Page.captureScreenshot", { format: "png" }, SHOT_MS);
    return { shot: new Blob([bytesFromBase64(data)], { type: "image/png" }), reason: "" };
  } catch (error) {
    return { shot: null, reason: debug.lost ? "" : reasonOf(error) };
  }
}

/** @param {TabDebugger} debug @returns {Promise<void>} */
function whenLoaded({ root }) {
  return new Promise((resolve) => {
    chrome.debugger.onEvent.addListener(function listen(source, method) {
      if (source.tabId !== root.tabId || method !== "Page.loadEventFired") return;
      chrome.debugger.onEvent.removeListener(listen);
      resolve();
    });
  });
}

/** @param {PostGuard} guard @returns {Promise<void>} */
async function whenRefused(guard) {
  for (let waited = 0; waited < LOAD_MS && guard.refused === ""; waited += POLL_MS) await pause(POLL_MS);
}

/** @param {number} ms @returns {Promise<void>} */
function pause(ms) {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}
