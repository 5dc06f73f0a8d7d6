import { reasonOf } from "../steps.js";

/** @typedef {import("../debugger.js").TabDebugger} TabDebugger */
/** @typedef {import("../frames.js").Frame} Frame */
/** @typedef {import("../types.js").Box} Box */
/** @typedef {{srcUrl: string, frameUrl: string, frameId: number}} ImageWish  as the browser's context menu names a picture; frameId: extension API's, 0 is the page */
/**
 * Where a picture stands.
 * @typedef {object} Place
 * @property {Box | null} box    in the viewport of the page; null: not known, why stands in `reason`
 * @property {number} matches    how many elements show this address in the frame; the largest visible one is meant
 * @property {string} reason
 */

const LOCATE_MS = 1500;
const MAX_DEPTH = 8;

/**
 * Looks for the picture right after the shot, when nothing has moved yet. The click in the menu is what permits it.
 * @param {number} tabId @param {ImageWish} wish
 * @returns {Promise<Place | null>} null: this frame (or one above it) may not be read this way: see placeByDebugger()
 */
export async function placeAtOnce(tabId, { srcUrl, frameId }) {
  /** @type {Promise<null>} */
  const late = new Promise((resolve) => { setTimeout(() => resolve(null), LOCATE_MS); });
  const asking = chrome.scripting.executeScript({ target: { tabId, frameIds: [frameId] }, func: findImage, args: [srcUrl] }).then(([answer]) => answer?.result ?? null, () => null);
  const found = await Promise.race([asking, late]);
  return found !== null && found.isTop ? asPlace(found) : null;
}

/**
 * The same through the debugger: works for frames of any site. The bar may have moved the page by then, so it is the second choice.
 * @param {TabDebugger} tab @param {Frame[]} frames @param {ImageWish} wish @returns {Promise<Place>}
 */
export async function placeByDebugger(tab, frames, { srcUrl, frameUrl }) {
  const frame = frames.find(({ url }) => url === frameUrl.replace(/#.*$/s, ""));
  if (!frame) return { box: null, matches: 0, reason: "its frame is not in the page any more" };
  const { executionContextId } = await tab.send(frame.target, "Page.createIsolatedWorld", { frameId: frame.id, worldName: "holdstill" });
  const { result } = await tab.send(frame.target, "Runtime.callFunctionOn", {
    functionDeclaration: findImage.toString(), executionContextId, arguments: [{ value: srcUrl }], returnByValue: true });
  const place = asPlace(result.value);
  if (place.box === null || frame === frames[0]) return place;
  try {
    const { box } = result.value;
    const offset = await offsetOf(tab, frames, frame);
    return { ...place, box: { ...box, x: box.x + offset.x, y: box.y + offset.y } };
  } catch (error) {
    return { ...place, box: null, reason: `the place of its frame is not known: ${reasonOf(error)}` };
  }
}

/**
 * Where a frame's content begins in the viewport of the page. A box model counts from the process's outermost frame, so each process adds its own.
 * @param {TabDebugger} tab @param {Frame[]} frames @param {Frame} frame @returns {Promise<{x: number, y: number}>} CSS pixels
 */
async function offsetOf(tab, frames, frame) {
  const offset = { x: 0, y: 0 };
  let inner = frame;
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    const outermost = frames.find(({ target }) => target === inner.target) ?? inner;
    const isInside = inner !== outermost;
    const owner = await ownerOf(tab, inner, isInside ? [inner.target] : tab.frames.filter((target) => target !== inner.target));
    const { model } = await tab.send(owner.target, "DOM.getBoxModel", { backendNodeId: owner.backendNodeId });
    offset.x += model.content[0];
    offset.y += model.content[1];
    if (owner.target === tab.root) return offset;
    inner = frames.find(({ target }) => target === owner.target) ?? frames[0];
  }
  throw new Error("too many frames inside one another");
}

/** @param {TabDebugger} tab @param {Frame} frame @param {import("../debugger.js").Target[]} targets @returns {Promise<{target: import("../debugger.js").Target, backendNodeId: number}>} */
async function ownerOf(tab, frame, targets) {
  for (const target of targets) {
    try {
      await tab.send(target, "DOM.getDocument", { depth: 0 });
      const { backendNodeId } = await tab.send(target, "DOM.getFrameOwner", { frameId: frame.id });
      return { target, backendNodeId };
    } catch { /* not in this process */ }
  }
  throw new Error("its frame has no owner");
}

/** @param {{box: Box | null, matches: number}} found @returns {Place} */
function asPlace({ box, matches }) {
  return { box, matches, reason: box === null ? "no element of the page shows it any more" : "" };
}

/**
 * Runs in the page, sent as text: uses nothing from outside itself. It only looks.
 * @param {string} srcUrl @returns {{box: Box | null, matches: number, isTop: boolean}} isTop: the box counts from the page's own viewport
 */
function findImage(srcUrl) {
  const bare = (/** @type {string} */ url) => url.replace(/#.*$/s, "");
  /** @type {Element[]} */
  const found = [];
  const search = (/** @type {Document | ShadowRoot} */ root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) search(element.shadowRoot);
      const image = /** @type {any} */ (element);
      const urls = element.localName === "image" ? [image.href?.baseVal ?? ""] : /^(img|input|embed|object)$/.test(element.localName) ? [image.currentSrc, image.src, image.data] : [];
      if (urls.some((url) => typeof url === "string" && url !== "" && bare(new URL(url, document.baseURI).href) === bare(srcUrl))) found.push(element);
    }
  };
  search(document);
  const seen = (/** @type {DOMRect} */ { left, top, right, bottom }) => (
    Math.max(0, Math.min(right, innerWidth) - Math.max(left, 0)) * Math.max(0, Math.min(bottom, innerHeight) - Math.max(top, 0)));
  const rects = found.map((element) => element.getBoundingClientRect()).sort((left, right) => seen(right) - seen(left));
  const offset = { x: 0, y: 0 };
  /** @type {Window} */
  let view = window;
  try {
    while (view !== view.parent && view.frameElement) {
      const rect = view.frameElement.getBoundingClientRect();
      const style = /** @type {Window & typeof globalThis} */ (view.parent).getComputedStyle(view.frameElement);
      offset.x += rect.x + Number.parseFloat(style.borderLeftWidth) + Number.parseFloat(style.paddingLeft);
      offset.y += rect.y + Number.parseFloat(style.borderTopWidth) + Number.parseFloat(style.paddingTop);
      view = view.parent;
    }
  } catch { /* a frame of another site above: isTop tells */ }
  const rect = rects[0];
  const box = rect ? { x: rect.x + offset.x, y: rect.y + offset.y, width: rect.width, height: rect.height } : null;
  return { box, matches: rects.length, isTop: view === view.parent };
}
