import { readFramePlace, readShown } from "./images/shown.js";
import { PROBE_FUNCTION, readData, readDom, readSources, readTiming } from "./pageprobe.js";
import { reasonOf } from "./steps.js";

/** @typedef {import("./debugger.js").TabDebugger} TabDebugger */
/** @typedef {import("./debugger.js").Target} Target */
/** @typedef {import("./pageprobe.js").FrameProbe} FrameProbe */

/**
 * What the browser lists of one frame. `sizeBytes`: of the body after content decoding; null when the browser does not say.
 * @typedef {{url: string, type: string, mime: string, sizeBytes: number | null}} ListedResource
 * @typedef {object} Frame
 * @property {Target} target
 * @property {string} id
 * @property {string} url              without fragment
 * @property {string} mime
 * @property {ListedResource[]} resources  the frame's own document is not among them
 * @property {FrameProbe | null} probe
 * @property {string} problem          why there is no probe; ""
 */

/**
 * The frames of the page, of every process, with what each has loaded. Asks the browser only, not the network.
 * @param {TabDebugger} tab @returns {Promise<Frame[]>} the page itself first
 */
export async function listFrames(tab) {
  /** @type {Frame[]} */
  const frames = [];
  for (const target of tab.frames) {
    await tab.send(target, "Page.enable");
    await tab.send(target, "Network.enable");
    const { frameTree } = await tab.send(target, "Page.getResourceTree");
    walk(frameTree, target, frames);
  }
  return frames;
}

/** @param {any} node of the protocol's tree @param {Target} target @param {Frame[]} frames */
function walk(node, target, frames) {
  const { id, url, mimeType } = node.frame;
  const resources = node.resources.map((/** @type {any} */ resource) => ({ url: resource.url, type: resource.type, mime: resource.mimeType,
    sizeBytes: resource.contentSize ?? null }));
  frames.push({ target, id, url, mime: mimeType, resources, probe: null, problem: "" });
  for (const child of node.childFrames ?? []) walk(child, target, frames);
}

/**
 * Reads DOM, text, metadata and timing of every frame.
 * @param {TabDebugger} tab @param {Frame[]} frames `probe` and `problem` are filled in @param {Map<string, number[]>} closedRoots by frame id
 * @returns {Promise<void>} one frame that cannot be read does not keep the others from being read
 */
export async function probeFrames(tab, frames, closedRoots) {
  await Promise.all(frames.map(async (frame) => {
    try {
      frame.probe = await probe(tab, frame, closedRoots.get(frame.id) ?? []);
    } catch (error) {
      frame.problem = reasonOf(error);
    }
  }));
  if (frames[0]?.probe === null) throw new Error(frames[0].problem);
}

/**
 * Reads frames through the extension's own script injection. Firefox shows it closed shadow roots too, Chromium does not.
 * @param {number} tabId @returns {Promise<Frame[]>} the page itself first @throws {Error} when the page may not be read
 */
export async function probeByScript(tabId) {
  const target = { tabId, allFrames: true };
  /** @type {Map<number, Partial<FrameProbe>>} */
  const parts = new Map();
  for (const func of [readTiming, readSources, readData, readShown, readFramePlace, readDom]) {
    const injected = await chrome.scripting.executeScript({ target, func: /** @type {() => Partial<FrameProbe>} */ (func) });
    for (const { frameId, result } of injected) if (result) parts.set(frameId, { ...parts.get(frameId), ...result });
  }
  const whole = [...parts].filter(([, { timing, html }]) => timing && html !== undefined).sort(([left], [right]) => left - right);
  if (whole[0]?.[0] !== 0) throw new Error("the page may not be read");
  return whole.map(([frameId, part]) => {
    const found = /** @type {FrameProbe} */ (part);
    return { target: { tabId }, id: String(frameId), url: found.url.replace(/#.*$/s, ""), mime: "text/html", resources: [], probe: found, problem: "" };
  });
}

/** @param {TabDebugger} tab @param {Frame} frame @param {number[]} closedRoots backend node ids @returns {Promise<FrameProbe>} */
async function probe(tab, { target, id }, closedRoots) {
  const world = await tab.send(target, "Page.createIsolatedWorld", { frameId: id, worldName: "holdstill" });
  const { executionContextId } = world;
  const roots = [];
  for (const backendNodeId of closedRoots) {
    const { object } = await tab.send(target, "DOM.resolveNode", { backendNodeId, executionContextId });
    roots.push({ objectId: object.objectId });
  }
  const { result, exceptionDetails } = await tab.send(target, "Runtime.callFunctionOn", {
    functionDeclaration: PROBE_FUNCTION, executionContextId, arguments: roots, returnByValue: true });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}

/**
 * Shadow roots that a page has closed to scripts; only the debugger sees them.
 * @param {TabDebugger} tab @param {Frame[]} frames @returns {Promise<Map<string, number[]>>} frame id → backend node ids
 */
export async function findClosedRoots(tab, frames) {
  /** @type {Map<string, number[]>} */
  const found = new Map();
  const visit = (/** @type {any} */ node, /** @type {string} */ frameId) => {
    for (const root of node.shadowRoots ?? []) {
      if (root.shadowRootType === "closed") found.set(frameId, [...found.get(frameId) ?? [], root.backendNodeId]);
      visit(root, frameId);
    }
    for (const child of node.children ?? []) visit(child, frameId);
    if (node.contentDocument) visit(node.contentDocument, node.frameId);
  };
  for (const target of tab.frames) {
    const top = frames.find((frame) => frame.target === target);
    if (!top) continue;
    const { root } = await tab.send(target, "DOM.getDocument", { depth: -1, pierce: true });
    visit(root, top.id);
  }
  return found;
}
