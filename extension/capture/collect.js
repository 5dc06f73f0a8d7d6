import { blockRefetch, isLoadable, readBodies, unblockRefetch } from "./bodies.js";
import { bytesFromBase64 } from "./bodybytes.js";
import { readCertificates } from "./certificates.js";
import { findClosedRoots, listFrames, probeByScript, probeFrames } from "./frames.js";
import { mhtmlPictures } from "./mhtml.js";
import { learnOwn } from "./secrets/learn.js";
import { fillAccount } from "./requested.js";
import { takeFullPageShot } from "./screenshots.js";

/** @typedef {import("./debugger.js").TabDebugger} TabDebugger */
/** @typedef {import("./frames.js").Frame} Frame */
/** @typedef {import("./bodies.js").ReadBody} ReadBody */

/** Milliseconds that each step may take. */
const LIMIT = { list: 5000, roots: 5000, frames: 10000, secrets: 3000, block: 3000, bodies: 40000, mhtml: 20000, shot: 30000, pictures: 10000, certificates: 5000, unblock: 3000, place: 3000, refetch: 20000 };

/** The steps of a collection, for progress; attaching, writing and detaching come on top. */
export const COLLECT_STEPS = 11;

/**
 * What is needed to collect, and where what is collected goes.
 * @typedef {object} Collector
 * @property {import("./steps.js").Steps} steps
 * @property {import("./requested.js").Account} account
 * @property {import("./responses.js").KnownResponses} responses
 * @property {import("./secrets/stripper.js").SecretStripper} stripper
 * @property {number} devicePixelRatio
 * @property {(frames: Frame[]) => Promise<void>} onFrames   before any body is handed over
 * @property {(body: ReadBody) => Promise<void>} onBody
 * @property {import("./images/picked.js").PickedImage | null} [picked]  the picture that the person pointed at
 */

/**
 * @typedef {object} Collected
 * @property {Frame[]} frames
 * @property {string | null} mhtml
 * @property {import("./screenshots.js").FullPageShot | null} shot
 * @property {{origin: string, pem: string}[] | null} certificates
 */

/**
 * Reads the page that is on screen, without a request to anywhere, in named steps.
 *
 * The half second that the page needs after attaching is used for reading. Whatever fails is recorded in `steps`; the rest goes on.
 * @param {TabDebugger} tab @param {Collector} collector @returns {Promise<Collected>}
 */
export async function collect(tab, collector) {
  const { steps, account } = collector;
  const frames = await steps.run("list frames and resources", LIMIT.list, async () => {
    await tab.attachChildren();
    return listFrames(tab);
  }) ?? [];
  const closedRoots = await steps.run("find closed shadow roots", LIMIT.roots, () => findClosedRoots(tab, frames)) ?? new Map();
  await steps.run("read frames", LIMIT.frames, () => probeFrames(tab, frames, closedRoots));
  const { picked } = collector;
  if (picked && picked.place === null) await steps.run("find the picked image", LIMIT.place, () => picked.locate(tab, frames));
  fillAccount(account, frames, collector.responses.hops, tab.children);
  await steps.run("learn secrets", LIMIT.secrets, () => learnCookies(tab, frames, collector));
  await collector.onFrames(frames);
  const [, mhtml, shot] = await Promise.all([
    readBlocked(tab, frames, collector),
    steps.run("save MHTML", LIMIT.mhtml, async () => (await tab.send(tab.root, "Page.captureSnapshot", { format: "mhtml" }, LIMIT.mhtml)).data),
    steps.run("full-page screenshot", LIMIT.shot, (signal) => takeFullPageShot(tab, collector.devicePixelRatio, signal)),
  ]);
  if (mhtml !== null) await steps.run("pictures only in MHTML", LIMIT.pictures, (signal) => addPictures(mhtml, frames, collector, signal));
  if (picked) await refetchPicked(tab, frames, picked, collector);
  const urls = frames.flatMap(({ url, resources }) => [url, ...resources.map((resource) => resource.url)]);
  const certificates = await steps.run("read certificates", LIMIT.certificates, (signal) => readCertificates(tab, urls, signal));
  return { frames, mhtml, shot, certificates };
}

/**
 * The one request that a capture may make, and only by the person's setting: for a picked image that the browser holds no more.
 * @param {TabDebugger} tab @param {Frame[]} frames @param {import("./images/picked.js").PickedImage} picked @param {Collector} collector
 */
async function refetchPicked(tab, frames, picked, { steps, onBody }) {
  if (picked.original !== null || !picked.mayRefetch) return;
  await steps.run("fetch the picked image again", LIMIT.refetch, async () => {
    const body = await picked.refetch(tab, frames);
    if (body) await onBody(body);
  });
}

/**
 * Without the debugger: DOM, text and metadata of the frames that the extension may read. No bodies, no full-page shot.
 * @param {number} tabId @param {Collector} collector @returns {Promise<Collected | null>} null: not even the page itself may be read
 */
export async function collectByScript(tabId, { steps, account, responses, onFrames }) {
  const frames = await steps.run("read frames without debugger", LIMIT.frames, () => probeByScript(tabId));
  if (frames === null) return null;
  fillAccount(account, frames, responses.hops, []);
  await onFrames(frames);
  return { frames, mhtml: null, shot: null, certificates: null };
}

/**
 * Bodies are only read when the re-fetch they would cause is blocked: a request to the site would show the capture to those captured.
 * @param {TabDebugger} tab @param {Frame[]} frames @param {Collector} collector
 */
async function readBlocked(tab, frames, { steps, account, responses, onBody }) {
  const blocked = await steps.run("block re-fetch of style sheets", LIMIT.block, async () => {
    await blockRefetch(tab, frames);
    return true;
  });
  if (!blocked) {
    steps.skip("read bodies", "reading would have made the browser ask the site for its style sheets again");
    return;
  }
  await steps.run("read bodies", LIMIT.bodies, (signal) => readBodies(tab, frames, {
    signal, onBody, charsetOf: (url, type) => responses.charsetOf(url, type), onOmitted: (url, type, reason) => account.omit(url, type, reason) }));
  await steps.run("unblock", LIMIT.unblock, () => unblockRefetch(tab));
}

/**
 * Pictures that the browser's list did not give, out of the MHTML file: the same encoded bytes, held by the elements on screen.
 * @param {string} mhtml @param {Frame[]} frames @param {Collector} collector @param {AbortSignal} signal
 */
async function addPictures(mhtml, frames, { account, onBody }, signal) {
  const sizes = new Map(frames.flatMap(({ probe }) => probe?.timing ?? []).map(({ url, sizeBytes }) => [url, sizeBytes]));
  for (const { url, mime, base64 } of mhtmlPictures(mhtml)) {
    if (!account.lacks(url, "Image")) continue;
    signal.throwIfAborted();
    const bytes = bytesFromBase64(base64);
    const expected = sizes.get(url) ?? 0; // 0: another origin that does not tell
    const exact = expected === 0 || expected === bytes.length;
    const note = exact ? "held by an element of the page" : `${bytes.length} bytes given, the body had ${expected}`;
    await onBody({ url, type: "Image", mime, source: "live_memory", bytes, text: null, exact, note });
  }
}

/**
 * Tells the stripper which values are this person's cookies; they are used for nothing else and stored nowhere.
 * @param {TabDebugger} tab @param {Frame[]} frames @param {Collector} collector
 */
async function learnCookies(tab, frames, { stripper, responses }) {
  learnOwn(stripper, responses.hops.map(({ requestHeaders, requestBody }) => ({ requestHeaders, body: requestBody?.bytes ?? null })));
  const urls = frames.map(({ url }) => url).filter((url) => isLoadable(url) && /^https?:/.test(url));
  const { cookies } = await tab.send(tab.root, "Network.getCookies", { urls });
  for (const { name, value } of cookies) stripper.learnCookie(name, value);
  for (const hop of responses.hops) {
    stripper.url(hop.url, "address");
    for (const [name, value] of hop.responseHeaders) stripper.learnHeader(name, value);
  }
}
