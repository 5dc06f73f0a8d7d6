import { bytesFromBase64 } from "./bodybytes.js";
import { stitchTiles } from "./pngtiles.js";

/** @typedef {import("./debugger.js").TabDebugger} TabDebugger */

const SETTLE_MS = 500;
const STABLE_MS = 100;
const MAX_SHOTS = 4;
const MAX_SURFACE_PX = 16384;
const TILE_PX = 8192;
const MAX_HEIGHT_PX = 65535;
const SHOT_MS = 20000;

/** @typedef {{png: Blob, widthPx: number, heightPx: number, shots: number, isStable: boolean, notes: string[]}} FullPageShot */

/**
 * The whole page in one picture: nothing is scrolled, hidden or moved.
 *
 * The bar that the browser shows after attaching resizes the page; a shot in that moment repeats the viewport down the page (measured: most
 * shots taken at once were wrong, none after half a second). So: wait, until the page's height holds; then shoot until two
 * shots in a row are equal, at most four. A page that moves by itself never gives two: the last shot is kept and called unstable.
 * The browser packs the PNG for speed: the same pixels, half the time, and up to a third more bytes.
 * @param {TabDebugger} tab @param {number} devicePixelRatio @param {AbortSignal} signal @returns {Promise<FullPageShot>}
 */
export async function takeFullPageShot(tab, devicePixelRatio, signal) {
  await settle(tab);
  const notes = [];
  /** @type {string[] | null} */
  let previous = null;
  for (let shots = 1; ; shots += 1) {
    signal.throwIfAborted();
    const size = await pageSize(tab, devicePixelRatio);
    const tiles = await shoot(tab, size, devicePixelRatio);
    const isStable = previous !== null && tiles.length === previous.length && tiles.every((tile, index) => tile === previous?.[index]);
    previous = tiles;
    if (!isStable && shots < MAX_SHOTS) continue;
    if (!isStable) notes.push("the full-page screenshot is unstable: the page kept changing");
    if (size.isCut) notes.push(`the full-page screenshot ends after ${MAX_HEIGHT_PX} pixels: the page is ${size.fullHeight} CSS pixels high`);
    const blobs = tiles.map((tile) => new Blob([bytesFromBase64(tile)], { type: "image/png" }));
    const { png, widthPx, heightPx } = await stitchTiles(blobs);
    return { png, widthPx, heightPx, shots, isStable, notes };
  }
}

/** Returns half a second after attaching at the earliest, when the viewport's height has held for a tenth of a second. @param {TabDebugger} tab */
async function settle(tab) {
  await pause(tab.attachedAt + SETTLE_MS - STABLE_MS - performance.now());
  for (let tries = 0; tries < 10; tries += 1) {
    const before = await viewportHeight(tab);
    await pause(Math.max(STABLE_MS, tab.attachedAt + SETTLE_MS - performance.now()));
    if (await viewportHeight(tab) === before) return;
  }
}

/** @param {TabDebugger} tab @returns {Promise<number>} CSS pixels */
async function viewportHeight(tab) {
  return (await tab.send(tab.root, "Page.getLayoutMetrics")).cssLayoutViewport.clientHeight;
}

/** @typedef {{width: number, height: number, fullHeight: number, isCut: boolean}} PageSize  CSS pixels */

/** @param {TabDebugger} tab @param {number} devicePixelRatio @returns {Promise<PageSize>} */
async function pageSize(tab, devicePixelRatio) {
  const { cssContentSize } = await tab.send(tab.root, "Page.getLayoutMetrics");
  const fullHeight = Math.max(1, Math.ceil(cssContentSize.height));
  const height = Math.min(fullHeight, Math.floor(MAX_HEIGHT_PX / devicePixelRatio));
  return { width: Math.max(1, Math.ceil(cssContentSize.width)), height, fullHeight, isCut: height < fullHeight };
}

/** @param {TabDebugger} tab @param {PageSize} size @param {number} devicePixelRatio @returns {Promise<string[]>} PNG in base64, from the top; one unless the page is higher than a surface may be */
async function shoot(tab, { width, height }, devicePixelRatio) {
  const step = height * devicePixelRatio <= MAX_SURFACE_PX ? height : Math.floor(TILE_PX / devicePixelRatio);
  const tiles = [];
  for (let y = 0; y < height; y += step) {
    const clip = { x: 0, y, width, height: Math.min(step, height - y), scale: 1 };
    tiles.push((await tab.send(tab.root, "Page.captureScreenshot", { format: "png", optimizeForSpeed: true, captureBeyondViewport: true, clip }, SHOT_MS)).data);
  }
  return tiles;
}

/** @param {number} ms none when it is not above 0 @returns {Promise<void>} */
function pause(ms) {
  return ms > 0 ? new Promise((resolve) => { setTimeout(resolve, ms); }) : Promise.resolve();
}
