import { collect, COLLECT_STEPS } from "./collect.js";
import { addTextBefore, finish, openSession, readTextBefore } from "../session.js";
import { reasonOf } from "../steps.js";
import { requireTabId } from "../viewport.js";
import { methodOf } from "./asseen.js";
import { takeViewportShot } from "./viewport.js";

/** @typedef {import("../types.js").CaptureOptions} CaptureOptions */
/** @typedef {import("../types.js").CaptureResult} CaptureResult */
/** @typedef {import("./streamfilter.js").StreamBuffer} StreamBuffer */
/**
 * What became of a second load. `refusal`: the page was for certain not loaded again, and why; "" also when that is not certain.
 * @typedef {{refusal: string, notes: string[]}} SecondLoad  notes: what was not as it should be in a load that was asked for
 */

const LIMITS = Object.freeze({ begin: 3000, load: 30_000 });
const SAFE = /^(GET|HEAD)$/;
const QUIET_MS = 1000;
const POLL_MS = 100;

/**
 * Loads the page a second time, because the person asked for it, and captures that load; the shot of the first is kept, one of the second is added.
 *
 * The buffer is armed for this one load, whatever the consent covers. A page that came of a form is not loaded again, because that would send the
 * form again: it is captured as seen, and the notes say why. So is a page of a private window, whose loads are never observed. Once the browser was
 * told to load it, the capture is one of a second load however that went on.
 * @param {chrome.tabs.Tab} tab @param {CaptureOptions} options @returns {Promise<CaptureResult>} of mode "reloaded", or "as_seen"
 */
export async function captureReloaded(tab, options) {
  const tabId = requireTabId(tab);
  const viewport = options.viewport ?? await takeViewportShot(tab);
  const stream = /** @type {StreamBuffer | null} */ (options.passive ?? null);
  const before = await readTextBefore(tabId);
  if (stream === null) return captureLoad(tab, { ...options, viewport }, { before, ...refused("the browser gives no streams") });
  try {
    return await captureLoad(tab, { ...options, viewport }, { before, ...await loadAgain(tab, tabId, stream) });
  } finally {
    if (!await stream.observes(viewport.facts.url)) stream.forget(tabId); // kept for this capture only, however it ended
  }
}

/**
 * @param {chrome.tabs.Tab} tab @param {CaptureOptions & {viewport: import("../types.js").ViewportShot}} options
 * @param {SecondLoad & {before: import("../frames.js").Frame[]}} load @returns {Promise<CaptureResult>}
 */
async function captureLoad(tab, options, { refusal, notes, before }) {
  const tabId = requireTabId(tab);
  const stream = /** @type {StreamBuffer | null} */ (options.passive ?? null);
  const mode = refusal === "" ? "reloaded" : "as_seen";
  /** @type {import("../types.js").CaptureArtifact[]} */
  const second = [];
  if (mode === "reloaded") {
    const shot = await takeViewportShot(tab).catch((error) => void notes.push(`no shot of the second load: ${reasonOf(error)}`));
    if (shot) second.push({ role: "screenshot.viewport", name: "screenshot.viewport.2.png", mediaType: "image/png", blob: shot.png });
  }
  const session = await openSession(tabId, options.viewport, { ...options, mode }, COLLECT_STEPS);
  if (mode === "reloaded") session.notes.push("the page was loaded a second time: its bodies are not those that were on the screen before", ...notes);
  else session.notes.push(`not reloaded: ${refusal}`);
  if (mode === "as_seen") session.added["notReloaded"] = refusal;
  const reading = await collect(tabId, session, stream);
  if (mode === "reloaded") await addTextBefore(session, before);
  const result = await finish(session, reading.collected, methodOf(reading));
  return { ...result, artifacts: [...result.artifacts.slice(0, -1), ...second, ...result.artifacts.slice(-1)] };
}

/**
 * Before the browser is told to, whatever goes wrong leaves the page as it was; after that only a refusal of the page's own request does.
 * @param {chrome.tabs.Tab} tab @param {number} tabId @param {StreamBuffer} stream @param {{begin: number, load: number}} [limits] in ms
 * @returns {Promise<SecondLoad>}
 */
export async function loadAgain(tab, tabId, stream, limits = LIMITS) {
  if (!/^https?:/.test(tab.url ?? "")) return refused("only pages of the web can be loaded again");
  if (tab.incognito) return refused("a private window is never observed, so that nothing would be kept of a second load");
  const known = (await stream.requestsOf(tabId)).find(({ type, frameId, redirectTo }) => type === "main_frame" && frameId === 0 && redirectTo === null);
  if (known && !SAFE.test(known.method)) return refused(`the page was asked for with ${known.method}, and reloading would send that again`);
  const former = new Set(stream.state.exchanges.map(({ key }) => key));
  const begun = () => stream.state.exchanges.find(({ key, tabId: owner, type }) => owner === tabId && type === "main_frame" && !former.has(key));
  const release = stream.arm(tabId);
  /** @type {string[]} */
  const notes = [];
  try {
    // Without a known first load, its method is not known either: the address alone is always asked for with GET.
    if (known) await chrome.tabs.reload(tabId, { bypassCache: true });
    else await chrome.tabs.update(tabId, { url: /** @type {string} */ (tab.url).replace(/#.*$/s, "") });
    if (!await until(() => begun() !== undefined, limits.begin)) notes.push("the browser was not seen to begin the second load");
    const first = begun();
    if (first && !SAFE.test(first.method)) return refused("the page was asked for with another method than GET, and reloading would send that again");
    const isOver = await until(async () => (await chrome.tabs.get(tabId)).status === "complete" && stream.now() - lastSign(stream, tabId) >= QUIET_MS, limits.load);
    if (!isOver) notes.push(`the second load had not ended after ${limits.load} ms`);
    if (release.refused()) notes.push("the new page was about to send a form during the second load: it was not sent");
  } catch (error) {
    notes.push(`the second load was not followed to its end: ${reasonOf(error)}`);
  } finally {
    release();
  }
  return { refusal: "", notes };
}

/** @param {string} refusal @returns {SecondLoad} */
function refused(refusal) {
  return { refusal, notes: [] };
}

/** @param {StreamBuffer} stream @param {number} tabId @returns {number} ms since 1970 */
function lastSign({ state }, tabId) {
  return state.exchanges.filter((hop) => hop.tabId === tabId).reduce((latest, { lastAt }) => Math.max(latest, lastAt), 0);
}

/** @param {() => boolean | Promise<boolean>} holds @param {number} limitMs @returns {Promise<boolean>} whether it came to hold in time */
async function until(holds, limitMs) {
  for (let waited = 0; waited < limitMs; waited += POLL_MS) {
    if (await holds()) return true;
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
  }
  return false;
}
