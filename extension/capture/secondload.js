import { bytesFromBase64 } from "./bodybytes.js";
import { whenQuiet } from "./recorded/quiet.js";
import { reasonOf } from "./steps.js";

/** @typedef {import("./debugger.js").TabDebugger} TabDebugger */
/** @typedef {import("./recorded/tab.js").TabRecorder} TabRecorder */
/**
 * What became of a second load. `refusal`: the page was for certain not loaded again, and why; "" also when that is not certain.
 * @typedef {{shot: Blob | null, refusal: string, notes: string[]}} SecondLoad  notes: what was not as it should be in a load that was begun
 */
/** @typedef {{load: number, settle: number, poll: number, shot: number}} Limits  in ms */

/** @type {Readonly<Limits>} settle: how long after a refused form the browser may still begin the load that was asked for */
const LIMITS = Object.freeze({ load: 30_000, settle: 500, poll: 100, shot: 10_000 });
const SAFE = /^(GET|HEAD)$/;

/**
 * Lets no document be asked for with another method than GET, and knows whether the page itself was loaded anew.
 *
 * A form that a frame, or the new page itself, sends by itself is not sent; it ends nothing, because the page on screen is the new one by then.
 */
export class PostGuard {
  /** @param {TabDebugger} debug */
  constructor(debug) {
    this.debug = debug;
    /** @type {string | null} */
    this.mainFrame = null;
    this.isBegun = false;
    /** Why the page itself was not asked for again; "". */
    this.refused = "";
    /** @type {string[]} */
    this.notes = [];
  }

  /** @param {any} params of Fetch.requestPaused @returns {boolean} */
  mayLoad({ request, frameId }) {
    const isMain = frameId === this.mainFrame;
    if (SAFE.test(request.method)) {
      if (isMain) this.isBegun = true;
      return true;
    }
    if (isMain && !this.isBegun) this.refused = `the page was asked for with ${request.method}, and reloading would send that again`;
    else this.notes.push(`${isMain ? "the new page" : "a frame"} was about to send a form with ${request.method} during the second load: it was not sent`);
    return false;
  }

  /** What the browser says of itself: a page that a service worker answers is never held. @param {any} params of Page.frameNavigated */
  sawNavigation({ frame }) {
    if (frame.id === this.mainFrame) this.isBegun = true;
  }

  /** @returns {Promise<string>} why this page must not be loaded again, as far as its history tells; "" */
  async judge() {
    const { frameTree } = await this.debug.send(this.debug.root, "Page.getFrameTree");
    this.mainFrame = frameTree.frame.id;
    const { currentIndex, entries } = await this.debug.send(this.debug.root, "Page.getNavigationHistory");
    return /^https?:/.test(entries[currentIndex].url) ? "" : "only pages of the web can be loaded again";
  }
}

/**
 * Loads the page again. Before the browser is told to, whatever goes wrong leaves the page as it was; after that only a refusal of the page's own
 * request does: everything else may have replaced it, and is told as a second load.
 * @param {TabDebugger} debug @param {TabRecorder} recorder @param {PostGuard} guard @param {Limits} [limits] @returns {Promise<SecondLoad>} never throws
 */
export async function loadAgain(debug, recorder, guard, limits = LIMITS) {
  let isSent = false;
  const loading = watchLoad(debug, guard);
  try {
    const refusal = await guard.judge();
    if (refusal !== "") return { shot: null, refusal, notes: [] };
    await debug.send(debug.root, "Page.enable");
    await recorder.start();
    await debug.send(debug.root, "Network.setCacheDisabled", { cacheDisabled: true });
    if (guard.refused !== "") return { shot: null, refusal: guard.refused, notes: [] };
    isSent = true;
    await debug.send(debug.root, "Page.reload", {});
    const isLoaded = await Promise.race([loading.ended, whenRefused(guard, limits), pause(limits.load)]);
    if (guard.refused !== "" && !guard.isBegun) return { shot: null, refusal: guard.refused, notes: guard.notes };
    if (isLoaded !== true) guard.notes.push(guard.isBegun ? `the second load had not ended after ${limits.load} ms` : "the browser was not seen to begin the second load");
    await whenQuiet(recorder, limits.load);
    const { data } = await debug.send(debug.root, "Page.captureScreenshot", { format: "png" }, limits.shot);
    return { shot: new Blob([bytesFromBase64(data)], { type: "image/png" }), refusal: "", notes: guard.notes };
  } catch (error) {
    if (!isSent) return { shot: null, refusal: reasonOf(error), notes: [] };
    return { shot: null, refusal: "", notes: [...guard.notes, `no shot of the second load: ${reasonOf(error)}`] };
  } finally {
    loading.stop();
  }
}

/** @param {TabDebugger} debug @param {PostGuard} guard @returns {{ended: Promise<true>, stop: () => void}} ended: the page's load event */
function watchLoad({ root }, guard) {
  /** @type {(value: true) => void} */
  let tell;
  /** @type {Promise<true>} */
  const ended = new Promise((resolve) => { tell = resolve; });
  /** @param {chrome.debugger.Debuggee & {sessionId?: string}} source @param {string} method @param {any} params */
  const listen = (source, method, params) => {
    if (source.tabId !== root.tabId) return;
    if (method === "Page.frameNavigated") guard.sawNavigation(params);
    if (method === "Page.loadEventFired" && guard.isBegun) tell(true);
  };
  chrome.debugger.onEvent.addListener(listen);
  return { ended, stop: () => chrome.debugger.onEvent.removeListener(listen) };
}

/** @param {PostGuard} guard @param {Limits} limits @returns {Promise<void>} when the page's own request was refused and none follows */
async function whenRefused(guard, { load, settle, poll }) {
  for (let waited = 0; waited < load; waited += poll) {
    if (guard.refused !== "") await pause(settle);
    if (guard.refused !== "" && !guard.isBegun) return undefined;
    await pause(poll);
  }
  return undefined;
}

/** @param {number} ms @returns {Promise<void>} */
function pause(ms) {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}
