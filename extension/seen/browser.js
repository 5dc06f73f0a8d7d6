import { readLoadedImage } from "../capture/thisbrowser.js";
import { placeAtOnce } from "../capture/images/place.js";
import { sniffImage } from "../capture/images/type.js";
import { readFacts, shootVisible } from "../capture/viewport.js";
import { Problem, ServiceClient, Unreachable } from "../queue/client.js";
import { withStore } from "../queue/store.js";
import { SealError } from "../seal/errors.js";
import { parseSeen } from "./answer.js";
import { cut, smallCopy } from "./pixels.js";

/**
 * "Seen before?": the picture under the pointer, looked for among what the service holds of this organisation. Nothing is captured,
 * kept or written anywhere; the service keeps nothing either.
 * @typedef {import("../capture/images/place.js").ImageWish} ImageWish
 * @typedef {{how: "load" | "refetched" | "visible", blob: Blob}} Picture how: the file itself, or what the screen shows of it
 * @typedef {{state: "found", how: Picture["how"], preview: string, seen: import("./answer.js").Seen, serverUrl: string}
 *   | {state: "failed", code: string}} SeenResult
 */

const PREFIX = "seen:";
const KEPT = 5;
const MAX_BYTES = 32 << 20;
const MAX_ADDRESS_CHARS = 2 << 20; // the session's store holds 10 MB
const SIZE = { width: 480, height: 680 };

/** Opens the small window that asks; it begins at once. @param {number} tabId @param {ImageWish} wish */
export async function askSeen(tabId, { srcUrl, frameUrl, frameId }) {
  const asked = Object.keys(await chrome.storage.session.get(null)).filter((key) => key.startsWith(PREFIX)).sort();
  await chrome.storage.session.remove(asked.slice(0, Math.max(0, asked.length - KEPT + 1)));
  const ask = `${PREFIX}${String(Date.now()).padStart(15, "0")}`;
  const isLong = srcUrl.length > MAX_ADDRESS_CHARS;
  await chrome.storage.session.set({ [ask]: { tabId, isLong, wish: { srcUrl: isLong ? "" : srcUrl, frameUrl, frameId } } });
  await chrome.windows.create({ url: `ui/seen.html?ask=${ask}`, type: "popup", ...SIZE });
}

/** @param {string} ask @param {{buffer: unknown, mayRefetch: boolean}} environment @returns {Promise<SeenResult>} */
export async function findSeen(ask, { buffer, mayRefetch }) {
  const stored = String(ask).startsWith(PREFIX) ? /** @type {any} */ ((await chrome.storage.session.get(ask))[ask]) : undefined;
  if (stored === undefined) return { state: "failed", code: "gone" };
  if (stored.isLong) return { state: "failed", code: "too_large" };
  const pairing = await withStore((store) => store.readPairing());
  if (!pairing || pairing.revokedAt !== null) return { state: "failed", code: "not_paired" };
  const picture = await readPicture(stored.tabId, stored.wish, { buffer, mayRefetch });
  if (picture === null) return { state: "failed", code: "no_picture" };
  if (picture.blob.size > MAX_BYTES) return { state: "failed", code: "too_large" };
  try {
    const client = new ServiceClient({ serverUrl: pairing.serverUrl, token: pairing.token });
    const [answer, preview] = await Promise.all([client.searchImage(picture.blob), smallCopy(picture.blob)]);
    return { state: "found", how: picture.how, preview, seen: parseSeen(answer), serverUrl: pairing.serverUrl };
  } catch (error) {
    return { state: "failed", code: codeOf(error) };
  }
}

/** @param {number} tabId @param {ImageWish} wish @param {{buffer: unknown, mayRefetch: boolean}} environment @returns {Promise<Picture | null>} */
async function readPicture(tabId, wish, environment) {
  const loaded = await readLoadedImage(tabId, { wish, ...environment }).catch(() => null); // a page of the browser's own, a policy: what is visible must do
  if (loaded !== null && sniffImage(loaded.bytes).ext !== "svg") return { how: loaded.source, blob: new Blob([loaded.bytes]) };
  const blob = await visiblePart(tabId, wish).catch(() => null);
  return blob && { how: "visible", blob };
}

/** What the screen shows of the picture. @param {number} tabId @param {ImageWish} wish @returns {Promise<Blob | null>} PNG */
async function visiblePart(tabId, wish) {
  const tab = await chrome.tabs.get(tabId);
  const place = await placeAtOnce(tabId, wish);
  if (!place?.box) return null;
  const shot = await shootVisible(tabId, tab.windowId);
  if (shot === null) return null;
  const { devicePixelRatio } = await readFacts(tabId, tab);
  return cut(shot, place.box, devicePixelRatio);
}

/** @param {unknown} error @returns {string} the end of a code of _locales, seen_failed_<code> */
function codeOf(error) {
  if (error instanceof Unreachable) return "unreachable";
  if (error instanceof SealError) return "answer";
  if (!(error instanceof Problem)) throw error;
  if (error.code === "capture_not_allowed") return "not_allowed";
  if (error.status === 401 || error.status === 403) return "not_paired";
  if (error.code === "picture_refused") return "refused";
  return error.status === 413 ? "too_large" : "answer";
}
