import { bytesFromBase64 } from "../bodybytes.js";
import { stitchTiles } from "../pngtiles.js";

const MAX_SHOTS = 4;
const PAUSE_MS = 100;
const MAX_SURFACE_PX = 16384;
const TILE_PX = 8192;
const MAX_HEIGHT_PX = 65535;

/** @typedef {{width: number, height: number, fullHeight: number, isCut: boolean}} PageSize  CSS pixels */

/**
 * The whole page in one picture, drawn by the browser beside the screen: nothing is scrolled, hidden, resized or moved.
 *
 * Shot until two shots in a row are equal, at most four. A page that moves by itself never gives two: the last one is kept and called unstable.
 * @param {number} tabId @param {number} devicePixelRatio @param {AbortSignal} signal @returns {Promise<import("../screenshots.js").FullPageShot>}
 * @throws when the browser refuses: no permission for this site, a page of its own
 */
export async function takeFullPageShot(tabId, devicePixelRatio, signal) {
  const notes = [];
  /** @type {string[] | null} */
  let previous = null;
  for (let shots = 1; ; shots += 1) {
    signal.throwIfAborted();
    const size = await pageSize(tabId, devicePixelRatio);
    const tiles = await shoot(tabId, size, devicePixelRatio);
    const isStable = previous !== null && tiles.length === previous.length && tiles.every((tile, index) => tile === previous?.[index]);
    previous = tiles;
    if (!isStable && shots < MAX_SHOTS) {
      await new Promise((resolve) => { setTimeout(resolve, PAUSE_MS); });
      continue;
    }
    if (!isStable) notes.push("the full-page screenshot is unstable: the page kept changing");
    if (size.isCut) notes.push(`the full-page screenshot ends after ${MAX_HEIGHT_PX} pixels: the page is ${size.fullHeight} CSS pixels high`);
    const { png, widthPx, heightPx } = await stitchTiles(tiles.map((tile) => new Blob([bytesFromBase64(tile)], { type: "image/png" })));
    return { png, widthPx, heightPx, shots, isStable, notes };
  }
}

/** @param {number} tabId @param {number} devicePixelRatio @returns {Promise<PageSize>} */
async function pageSize(tabId, devicePixelRatio) {
  const [{ result }] = await chrome.scripting.executeScript({ target: { tabId }, func: measurePage, injectImmediately: true });
  if (!result) throw new Error("the page cannot be measured");
  const height = Math.min(result.height, Math.floor(MAX_HEIGHT_PX / devicePixelRatio));
  return { width: result.width, height, fullHeight: result.height, isCut: height < result.height };
}

/** Runs in the page. @returns {{width: number, height: number}} CSS pixels */
function measurePage() {
  const root = document.scrollingElement ?? document.documentElement;
  return { width: Math.max(1, root.scrollWidth), height: Math.max(1, root.scrollHeight) };
}

/** @param {number} tabId @param {PageSize} size @param {number} scale device pixels to the CSS pixel @returns {Promise<string[]>} PNG in base64, from the top */
async function shoot(tabId, { width, height }, scale) {
  const step = height * scale <= MAX_SURFACE_PX ? height : Math.floor(TILE_PX / scale);
  const tiles = [];
  for (let y = 0; y < height; y += step) {
    const url = await /** @type {any} */ (chrome.tabs).captureTab(tabId, { format: "png", scale, rect: { x: 0, y, width, height: Math.min(step, height - y) } });
    tiles.push(url.slice(url.indexOf(",") + 1));
  }
  return tiles;
}
