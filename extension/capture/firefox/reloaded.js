import { collect, COLLECT_STEPS } from "./collect.js";
import { addTextBefore, finish, openSession, readTextBefore } from "../session.js";
import { reasonOf } from "../steps.js";
import { requireTabId } from "../viewport.js";
import { methodOf } from "./asseen.js";
import { takeViewportShot } from "./viewport.js";

/** @typedef {import("../types.js").CaptureOptions} CaptureOptions */
/** @typedef {import("../types.js").CaptureResult} CaptureResult */
/** @typedef {import("./streamfilter.js").StreamBuffer} StreamBuffer */

const BEGIN_MS = 3000;
const LOAD_MS = 30000;
const QUIET_MS = 1000;
const POLL_MS = 100;

/**
 * Loads the page a second time, because the person asked for it, and captures that load; the shot of the first is kept, one of the second is added.
 *
 * The buffer is armed for this one load, whatever the consent covers. A page that came of a form is not loaded again, because that would send the
 * form again: it is captured as seen, and the notes say why.
 * @param {chrome.tabs.Tab} tab @param {CaptureOptions} options @returns {Promise<CaptureResult>} of mode "reloaded", or "as_seen"
 */
export async function captureReloaded(tab, options) {
  const tabId = requireTabId(tab);
  const viewport = options.viewport ?? await takeViewportShot(tab);
  const stream = /** @type {StreamBuffer | null} */ (options.passive ?? null);
  const before = await readTextBefore(tabId);
  const reason = stream === null ? "the browser gives no streams" : await loadAgain(tab, tabId, stream);
  const mode = reason === "" ? "reloaded" : "as_seen";
  /** @type {import("../types.js").CaptureArtifact[]} */
  const second = [];
  if (mode === "reloaded") {
    const { png } = await takeViewportShot(tab);
    second.push({ role: "screenshot.viewport", name: "screenshot.viewport.2.png", mediaType: "image/png", blob: png });
  }
  const session = await openSession(tabId, viewport, { ...options, mode }, COLLECT_STEPS);
  if (mode === "reloaded") session.notes.push("the page was loaded a second time: its bodies are not those that were on the screen before");
  else session.notes.push(`not reloaded: ${reason}`);
  if (mode === "as_seen") session.added["notReloaded"] = reason;
  const reading = await collect(tabId, session, stream);
  if (mode === "reloaded") await addTextBefore(session, before);
  const result = await finish(session, reading.collected, methodOf(reading));
  if (stream !== null && !await stream.observes(viewport.facts.url)) stream.dispatch({ type: "closed", tabId }); // kept for this capture only
  return { ...result, artifacts: [...result.artifacts.slice(0, -1), ...second, ...result.artifacts.slice(-1)] };
}

/** @param {chrome.tabs.Tab} tab @param {number} tabId @param {StreamBuffer} stream @returns {Promise<string>} why the page was not loaded again; "" */
async function loadAgain(tab, tabId, stream) {
  if (!/^https?:/.test(tab.url ?? "")) return "only pages of the web can be loaded again";
  const known = (await stream.requestsOf(tabId)).find(({ type, frameId, redirectTo }) => type === "main_frame" && frameId === 0 && redirectTo === null);
  if (known && !/^(GET|HEAD)$/.test(known.method)) return `the page was asked for with ${known.method}, and reloading would send that again`;
  const former = new Set(stream.state.exchanges.map(({ key }) => key));
  const isNew = (/** @type {import("./ringbuffer.js").Exchange} */ { key, tabId: owner, type }) => owner === tabId && type === "main_frame" && !former.has(key);
  const release = stream.arm(tabId);
  try {
    // Without a known first load, its method is not known either: the address alone is always asked for with GET.
    if (known) await chrome.tabs.reload(tabId, { bypassCache: true });
    else await chrome.tabs.update(tabId, { url: /** @type {string} */ (tab.url).replace(/#.*$/s, "") });
    if (!await until(() => stream.state.exchanges.some(isNew), BEGIN_MS)) return "the browser did not begin a second load";
    if (release.refused()) return "the page was asked for with another method than GET, and reloading would send that again";
    await until(async () => (await chrome.tabs.get(tabId)).status === "complete" && stream.now() - lastSign(stream, tabId) >= QUIET_MS, LOAD_MS);
    return "";
  } catch (error) {
    return reasonOf(error);
  } finally {
    release();
  }
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
