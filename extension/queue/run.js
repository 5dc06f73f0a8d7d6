import { buildStatement, makeSalt, measureArtifact, signStatement } from "../seal/statement.js";
import { signPageDigest } from "../seal/keys.js";
import { ensureDeviceKey } from "./pairing.js";
import { queueItem } from "./reducer.js";
import { formLockName, lockName, summarisePost, toForm } from "./runs.js";

/**
 * One click, from the shot to the queue:
 *
 * 1. the viewport shot, before anything else; 2. beside it the challenge; 3. the page as seen; 4. wait while the person is typing;
 * 5. digests, statement, signature; 6. item and payloads in one durable transaction. From 6 on a crash loses nothing; before it, a recording stays its tab's.
 *
 * @typedef {import("../capture/types.js").ViewportShot} ViewportShot
 * @typedef {import("../capture/types.js").CaptureResult} CaptureResult
 * @typedef {import("../capture/types.js").CaptureOptions} CaptureOptions
 * @typedef {object} Tools what a run needs from the browser; given, so that tests can give others
 * @property {import("./store.js").Store | Promise<import("./store.js").Store>} store may still be opening: the shot does not wait for it
 * @property {import("./runs.js").Runs} runs
 * @property {Pick<LockManager, "request" | "query">} locks
 * @property {(tab: chrome.tabs.Tab) => Promise<ViewportShot>} takeViewportShot
 * @property {(tab: chrome.tabs.Tab, options: CaptureOptions) => Promise<CaptureResult>} captureAsSeen
 * @property {(tab: chrome.tabs.Tab & {id: number}, wish: import("../capture/selection.js").SelectionWish, shot: ViewportShot) => Promise<CaptureOptions["selected"]>} [select]
 * @property {(shot: ViewportShot) => Promise<import("./runs.js").Preview>} [makePreview] a small copy, to mark regions on
 * @property {(folder: string | null) => Promise<void>} discardWorkFolder
 * @property {() => Promise<import("../seal/statement.js").Challenge | null>} fetchChallenge
 * @property {() => Promise<{version: string, build: string}>} readBuild
 * @property {() => Promise<string | null>} readDefaultCase
 * @property {() => Date} now
 */

const POLL_MS = 150;
/** A form that stands open and says nothing for so long hangs: its capture is sealed without it, lest it be lost with the browser. */
const HUNG_MS = 120_000;
const GIVEN_UP_MS = 2000;

/** There is no picture of the page, so there is nothing to capture: the browser's own pages, a tab that was closed. */
class NoShot extends Error {
  code = "page_refused";
  /** @param {unknown} cause */
  constructor(cause) {
    super("the browser gives no picture of this page", { cause });
  }
}

/**
 * @typedef {object} Wish
 * @property {chrome.tabs.Tab & {id: number}} tab
 * @property {import("./runs.js").Draft | undefined} [draft] what the form held at the click
 * @property {import("../capture/selection.js").SelectionWish | undefined} [selection] what the person pointed at, or wants to
 * @property {import("../seal/statement.js").Trigger | undefined} [trigger]
 * @property {CaptureOptions["mode"]} [mode] how it is to be captured; a tab that is being recorded is captured as recorded
 * @property {string | undefined} [ref] whose capture it is; kept with the item, so that whoever asked finds it after a crash
 *
 * @param {Wish} wish @param {Tools} tools
 * @returns {Promise<import("./runs.js").Run | null>} the finished run; null: this tab is being captured already, which is success for a second click
 */
export async function runCapture(wish, tools) {
  if (wish.selection?.kind === "region") return runRegion(wish, tools);
  return tools.locks.request(lockName(wish.tab.id), { ifAvailable: true }, async (lock) => (lock === null ? null : captureTab(wish, tools)));
}

/**
 * A region that the person gave up is still being taken from the page when they ask for the next one at once: so this wish waits a moment.
 * @param {Wish} wish @param {Tools} tools @returns {Promise<import("./runs.js").Run | null>}
 */
async function runRegion(wish, tools) {
  const signal = AbortSignal.timeout(GIVEN_UP_MS);
  let isOurs = false;
  try {
    return await tools.locks.request(lockName(wish.tab.id), { signal }, async () => {
      isOurs = true;
      return captureTab(wish, tools);
    });
  } catch (error) {
    if (isOurs || error !== signal.reason) throw error;
    return null;
  }
}

/** @param {Wish} wish @param {Tools} tools @returns {Promise<import("./runs.js").Run>} */
async function captureTab(wish, tools) {
  const { tab, draft } = wish;
  // 1. Nothing is awaited before the shot but the lock: the person may scroll on at any moment.
  const shooting = tools.takeViewportShot(tab);
  // 2.
  const asking = tools.fetchChallenge();
  asking.catch(() => undefined); // awaited below; a failure meanwhile must not end the worker
  /** @type {import("./runs.js").Run} */
  let run = {
    runId: crypto.randomUUID(), tabId: tab.id, startedAt: tools.now().toISOString(), phase: "shot", url: tab.url ?? "", title: tab.title ?? "",
    step: null, pageinfo: null, captureId: null, error: null,
  };
  /** @param {Partial<import("./runs.js").Run>} change */
  const show = async (change) => {
    run = { ...run, ...change };
    await tools.runs.save(run);
  };
  try {
    if (draft) await tools.runs.saveDraft(run.runId, draft);
    await show({});
    const viewport = await shooting.catch((cause) => {
      throw new NoShot(cause);
    });
    const selected = wish.selection && await tools.select?.(tab, wish.selection, viewport);
    await show({ phase: "collecting", url: viewport.facts.url, title: viewport.facts.title });
    void tools.makePreview?.(viewport).catch(() => null).then((preview) => tools.runs.savePreview(run.runId, preview)); // a comfort, never a condition
    // 3.
    const key = await ensureDeviceKey(await tools.store, tools.now());
    const result = await tools.captureAsSeen(tab, {
      viewport, selected, mode: wish.mode,
      signPageDigest: (text) => signPageDigest(key, text),
      onProgress: (name, done, total) => void show({ step: { name, done, total } }),
    });
    // 4.
    const outcome = await keep(result, tools, async () => {
      await show({ phase: "waiting", step: null, pageinfo: result.pageinfo, post: summarisePost(result.post) });
      return seal({ wish, run, result, challenge: await asking, key, show }, tools);
    });
    await show(outcome === null ? { phase: "discarded" } : { phase: "queued", captureId: outcome });
  } catch (error) {
    if (errorCode(error) === "region_cancelled") await show({ phase: "discarded", step: null });
    else await show({ phase: "failed", step: null, error: errorCode(error) });
    if (errorCode(error) === "internal") throw error;
  } finally {
    await tools.runs.removeDraft(run.runId);
  }
  return run;
}

/**
 * Whatever becomes of the sealing, the capture's own files go, which makes room for another try; what it was made of goes only when it is not needed again.
 * @template T @param {CaptureResult} result @param {Pick<Tools, "discardWorkFolder">} tools @param {() => Promise<T>} sealing @returns {Promise<T>}
 */
async function keep(result, tools, sealing) {
  let isDone = false;
  try {
    const outcome = await sealing();
    isDone = true;
    return outcome;
  } finally {
    await result.release?.(isDone).catch(() => undefined); // a recording left over is swept; what is in the queue does not fail because of it
    await tools.discardWorkFolder(result.workFolder);
  }
}

/**
 * @param {{wish: Wish, run: import("./runs.js").Run, result: CaptureResult, challenge: import("../seal/statement.js").Challenge | null,
 *   key: import("../seal/keys.js").DeviceKey, show: (change: Partial<import("./runs.js").Run>) => Promise<void>}} work @param {Tools} tools
 * @returns {Promise<string | null>} the capture id, in the queue; null: discarded
 */
async function seal({ wish, run, result, challenge, key, show }, tools) {
  const hashing = Promise.all(result.artifacts.map(measureArtifact)); // beside the wait: typing costs no time
  hashing.catch(() => undefined); // awaited below
  await waitForTyping(run, tools);
  // 5.
  await show({ phase: "sealing" });
  const store = await tools.store;
  const [artifacts, draft, pairing] = [await hashing, await tools.runs.readDraft(run.runId), await store.readPairing()];
  if (draft?.discarded) return null;
  const { page } = result;
  const { width, height, scrollX, scrollY, devicePixelRatio, shotBy } = page;
  const payload = buildStatement({
    page: { ...page, viewport: { width, height, scrollX, scrollY, devicePixelRatio, shotBy } },
    mode: result.mode ?? "as_seen", method: result.method, pageinfo: result.pageinfo, secrets: result.secrets,
    form: toForm(draft, await tools.readDefaultCase()), challenge, extension: await tools.readBuild(), post: result.post, artifacts, salt: makeSalt(),
    trigger: wish.trigger, selection: result.selection,
  });
  const { captureId, envelope, keyId } = await signStatement(key, payload);
  // 6.
  const service = pairing ? { serverUrl: pairing.serverUrl, origin: pairing.origin, logVkey: pairing.logVkey, serviceVkey: pairing.serviceVkey } : null;
  const item = queueItem({
    captureId, createdAt: tools.now().toISOString(), page: { url: page.url, title: page.title }, envelope, keyId, artifacts, service, ...(wish.ref !== undefined && { ref: wish.ref }),
  });
  await store.addItem(item, new Map(artifacts.map((facts, at) => [facts.sha256, /** @type {{blob: Blob}} */ (result.artifacts[at]).blob])));
  return captureId;
}

/** Returns when the person has stopped typing, or has discarded. @param {import("./runs.js").Run} run @param {Tools} tools */
async function waitForTyping({ runId, tabId }, tools) {
  for (let draft = await tools.runs.readDraft(runId); draft && !draft.discarded && await isAwaited(draft.typingUntil, tabId, tools); draft = await tools.runs.readDraft(runId)) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/**
 * By the clock, or, when that has run out, by the form that still stands open: a page that is starved says so late, not never.
 * @param {number} typingUntil milliseconds since 1970 @param {number} tabId @param {Tools} tools @returns {Promise<boolean>}
 */
async function isAwaited(typingUntil, tabId, { locks, now }) {
  const lateMs = now().getTime() - typingUntil;
  if (lateMs < 0 || lateMs >= HUNG_MS) return lateMs < 0;
  const { held = [] } = await locks.query().catch(() => /** @type {LockManagerSnapshot} */ ({}));
  return held.some(({ name }) => name === formLockName(tabId));
}

/** @param {unknown} error @returns {string} a code of _locales */
function errorCode(error) {
  if (error instanceof DOMException && error.name === "QuotaExceededError") return "storage_full";
  const code = error instanceof Error && "code" in error ? error.code : null;
  return typeof code === "string" && /^[a-z_]{1,40}$/.test(code) ? code : "internal";
}
