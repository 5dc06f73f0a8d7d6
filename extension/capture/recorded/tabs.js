import { recordingKey } from "../../queue/runs.js";
import { createWorkFolder, discardWorkFolder, openWorkFolder } from "../../archive/workfolder.js";
import { TabDebugger } from "../debugger.js";
import { RecordedBodies } from "./bodies.js";
import { RecordedJournal, readJournal } from "./journal.js";
import { TabRecorder } from "./tab.js";

/** @typedef {import("./types.js").Exchange} Exchange */
/** @typedef {import("./types.js").RecordingFacts} RecordingFacts */
/** @typedef {{facts: RecordingFacts, exchanges: Exchange[], folder: FileSystemDirectoryHandle}} Recording  ended; bodies are in `folder` */

const LOST = "the browser ended the extension's worker";
const BADGE = { running: "REC", ended: "!" };

/** @typedef {{facts: RecordingFacts, recorder: TabRecorder, journal: RecordedJournal, folder: FileSystemDirectoryHandle, ended: Promise<void> | null}} Live */

/**
 * The recordings of this browser session, one for each tab. What runs is in memory, because an attached debugger keeps the worker alive; what is
 * needed to go on without it stands in `storage.session` and in the recording's folder.
 */
export class Recordings {
  /** @param {{area?: chrome.storage.StorageArea}} [options] */
  constructor({ area = chrome.storage.session } = {}) {
    this.area = area;
    /** @type {Map<number, Live>} */
    this.live = new Map();
    /** @type {Map<number, Promise<RecordingFacts>>} */
    this.arming = new Map();
  }

  /** @param {number} tabId @returns {Promise<RecordingFacts | null>} running, or ended and not captured yet */
  async read(tabId) {
    const facts = /** @type {RecordingFacts | undefined} */ ((await this.area.get(recordingKey(tabId)))[recordingKey(tabId)]);
    if (facts === undefined) return null;
    return facts.endedBy === null && !this.live.has(tabId) && !this.arming.has(tabId) ? { ...facts, endedBy: LOST } : facts;
  }

  /**
   * From here on everything the tab loads is recorded. A recording that ended and was not captured is thrown away.
   * @param {number} tabId @param {{scope?: "tab" | "case", openedFrom?: number | null}} [options] @returns {Promise<RecordingFacts>}
   * @throws {Error} when the debugger cannot attach, or the browser has no private file system
   */
  arm(tabId, { scope = "tab", openedFrom = null } = {}) {
    const arming = this.arming.get(tabId) ?? this.#arm(tabId, scope, openedFrom).finally(() => this.arming.delete(tabId));
    this.arming.set(tabId, arming);
    return arming;
  }

  /** @param {number} tabId @param {"tab" | "case"} scope @param {number | null} openedFrom @returns {Promise<RecordingFacts>} */
  async #arm(tabId, scope, openedFrom) {
    const running = this.live.get(tabId);
    if (running && running.facts.endedBy === null) return running.facts;
    await this.discard(tabId);
    const now = new Date();
    const folder = await createWorkFolder(now);
    if (folder === null) throw new Error("the browser has no private file system");
    const tab = await TabDebugger.attach(tabId);
    const recorder = new TabRecorder(tab, new RecordedBodies(folder.handle));
    /** @type {RecordingFacts} */
    const facts = { tabId, folder: folder.name, startedAt: now.toISOString(), scope, openedFrom, endedBy: null };
    this.live.set(tabId, { facts, recorder, journal: new RecordedJournal(folder.handle, recorder.log), folder: folder.handle, ended: null });
    await recorder.start();
    await this.#save(facts);
    return facts;
  }

  /** @param {number} tabId @param {string} reason why the recording ended before it was captured: what it has is kept, and is PARTIAL */
  async end(tabId, reason) {
    const live = this.live.get(tabId);
    if (!live || live.facts.endedBy !== null) return;
    live.facts.endedBy = reason;
    live.ended = this.#stop(live);
    await live.ended;
    await this.#save(live.facts);
  }

  /** @param {number} tabId @returns {Promise<Recording | null>} the tab's recording, ended; the debugger is detached. Null: there is none */
  async take(tabId) {
    await this.arming.get(tabId)?.catch(() => {});
    const live = this.live.get(tabId);
    const facts = live?.facts ?? await this.read(tabId);
    if (facts === null) return null;
    await (live?.ended ?? (live && this.#stop(live)));
    this.live.delete(tabId);
    await this.#forget(tabId);
    const folder = live?.folder ?? await openWorkFolder(facts.folder);
    if (folder === null) return null;
    if (!live) await chrome.debugger.detach({ tabId }).catch(() => {}); // of a worker that is no more
    return { facts, folder, exchanges: live ? live.recorder.log.exchanges : await readJournal(folder) };
  }

  /** @param {number} tabId throws the tab's recording away */
  async discard(tabId) {
    const recording = await this.take(tabId);
    if (recording) await discardWorkFolder(recording.facts.folder);
  }

  /** @param {number} tabId @param {number} openerId a tab that a recorded one opened is recorded too, when its scope is the case */
  async follow(tabId, openerId) {
    const opener = this.live.get(openerId)?.facts;
    if (opener?.scope === "case" && opener.endedBy === null) await this.arm(tabId, { scope: "case", openedFrom: openerId }).catch(() => {}); // its capture says that nothing was recorded
  }

  /** @param {number} tabId */
  async showState(tabId) {
    const facts = await this.read(tabId);
    if (facts) await showBadge(tabId, facts.endedBy === null ? BADGE.running : BADGE.ended);
  }

  /** @param {Live} live */
  async #stop({ recorder, journal }) {
    await recorder.stop();
    await journal.close();
    await recorder.tab.detach().catch(() => {});
  }

  /** @param {RecordingFacts} facts */
  async #save(facts) {
    await this.area.set({ [recordingKey(facts.tabId)]: facts });
    await this.showState(facts.tabId);
  }

  /** @param {number} tabId */
  async #forget(tabId) {
    await this.area.remove(recordingKey(tabId));
    await showBadge(tabId, "");
  }
}

/**
 * Call it at the top level of the background script: a listener added later misses what woke the worker.
 * @returns {Recordings}
 */
export function startRecordings() {
  const recordings = new Recordings();
  chrome.debugger.onDetach.addListener(({ tabId }, reason) => {
    if (tabId !== undefined) void recordings.end(tabId, reason === "canceled_by_user" ? "the person pressed Cancel" : `the browser ended the recording: ${reason}`);
  });
  chrome.tabs.onCreated.addListener(({ id, openerTabId }) => {
    if (id !== undefined && openerTabId !== undefined) void recordings.follow(id, openerTabId);
  });
  chrome.tabs.onUpdated.addListener((tabId, { status }) => {
    if (status === "loading") void recordings.showState(tabId); // the browser takes a tab's badge away when it navigates
  });
  chrome.tabs.onRemoved.addListener((tabId) => void recordings.discard(tabId));
  return recordings;
}

/** @param {number} tabId @param {string} text */
async function showBadge(tabId, text) {
  await chrome.action.setBadgeBackgroundColor({ tabId, color: "#a3261c" }).catch(() => {}); // the tab is gone
  await chrome.action.setBadgeText({ tabId, text }).catch(() => {});
}
