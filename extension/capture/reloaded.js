import { createWorkFolder, discardWorkFolder } from "../archive/workfolder.js";
import { readTab } from "./asseen.js";
import { COLLECT_STEPS } from "./collect.js";
import { TabDebugger } from "./debugger.js";
import { captureRecording } from "./recorded/capture.js";
import { RecordedBodies } from "./recorded/bodies.js";
import { TabRecorder } from "./recorded/tab.js";
import { loadAgain, PostGuard } from "./secondload.js";
import { finish, openSession, readTextBefore } from "./session.js";
import { reasonOf } from "./steps.js";
import { requireTabId, takeViewportShot } from "./viewport.js";

/** @typedef {import("./types.js").CaptureOptions} CaptureOptions */
/** @typedef {import("./types.js").CaptureResult} CaptureResult */

/**
 * Loads the page a second time, because the person asked for it, and captures that load; the shot of the first is kept, one of the second is added.
 *
 * The page's service worker stays in charge and the person's cache stays whole: it is only not asked. A page that came of a form is not loaded again,
 * because that would send the form again: it is captured as seen, and the notes say why. Once the browser was told to load it, the capture is one of
 * a second load however that went on: nothing else could be said of bodies that may be the new page's beside a shot of the old one.
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
  const { shot, refusal, notes } = await loadAgain(debug, recorder, guard);
  const unclosed = await recorder.stop().then(() => null, (error) => `the recording could not be closed: ${reasonOf(error)}`);
  await debug.detach();
  try {
    if (refusal !== "") return await asSeen(refusal);
    const facts = { tabId, folder: folder.name, startedAt: startedAt.toISOString(), scope: /** @type {const} */ ("tab"), openedFrom: null,
      endedBy: debug.lost ? `the debugger was lost: ${debug.lost.reason}` : unclosed };
    /** @type {import("./types.js").CaptureArtifact[]} */
    const artifacts = shot ? [{ role: "screenshot.viewport", name: "screenshot.viewport.2.png", mediaType: "image/png", blob: shot }] : [];
    const recording = { facts, folder: folder.handle, exchanges: recorder.log.exchanges };
    return await captureRecording(tab, { ...options, viewport, mode: "reloaded" }, recording, { artifacts, before, notes });
  } finally {
    await discardWorkFolder(folder.name);
  }
}

/** @param {number} tabId @param {CaptureOptions & {viewport: import("./types.js").ViewportShot}} options @param {string} reason @returns {Promise<CaptureResult>} as seen */
async function captureInstead(tabId, options, reason) {
  const session = await openSession(tabId, options.viewport, options, COLLECT_STEPS + 2);
  session.notes.push(`not reloaded: ${reason}`);
  session.added = { notReloaded: reason };
  const { collected, method } = await readTab(session, tabId);
  return finish(session, collected, method);
}
