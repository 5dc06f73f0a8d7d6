import { recordingKey } from "../../queue/runs.js";
import { createWorkFolder, discardWorkFolder, openWorkFolder } from "../../archive/workfolder.js";
import { TabDebugger } from "../debugger.js";
import { reasonOf } from "../steps.js";
import { RecordedBodies } from "./bodies.js";
import { RecordedJournal, readJournal } from "./journal.js";
import { TabRecorder } from "./tab.js";

/** @typedef {import("./types.js").Exchange} Exchange */
/** @typedef {import("./types.js").RecordingFacts} RecordingFacts */
/** @typedef {{facts: RecordingFacts, exchanges: Exchange[], folder: FileSystemDirectoryHandle}} Recording  ended; bodies are in `folder` */

const LOST = "the browser ended the extension's worker";
const UNFINISHED = "a capture of it was begun and did not come to its end";
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
    /** @type {Set<string>} folders of recordings that are being captured */
    this.taken = new Set();
  }

  /** @param {number} tabId @returns {Promise<RecordingFacts | null>} running, or ended and not captured yet */
  async read(tabId) {
    const facts = await this.#stored(tabId);
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
    /** @type {RecordingFacts} */
    const facts = { tabId, folder: folder.name, startedAt: now.toISOString(), scope, openedFrom, endedBy: null };
    try {
      await this.#start(facts, folder.handle);
    } catch (error) {
      await discardWorkFolder(folder.name).catch(() => {});
      throw error;
    }
    return facts;
  }

  /** @param {RecordingFacts} facts @param {FileSystemDirectoryHandle} folder @throws {Error} when it could not begin: then nothing of it is left */
  async #start(facts, folder) {
    const tab = await TabDebugger.attach(facts.tabId);
    const recorder = new TabRecorder(tab, new RecordedBodies(folder));
    /** @type {Live} */
    const live = { facts, recorder, journal: new RecordedJournal(folder, recorder.log), folder, ended: null };
    this.live.set(facts.tabId, live);
    try {
      await recorder.start();
      await this.#save(facts);
    } catch (error) {
      await (live.ended ??= this.#stop(live));
      await this.#forget(facts.tabId);
      throw error;
    }
  }

  /** @param {number} tabId @param {string} reason why the recording ended before it was captured: what it has is kept, and is PARTIAL */
  async end(tabId, reason) {
    const live = this.live.get(tabId);
    if (!live || live.facts.endedBy !== null) return;
    live.facts.endedBy = reason;
    live.ended ??= this.#stop(live);
    await live.ended;
    await this.#save(live.facts);
  }

  /**
   * The tab's recording for a capture, ended; the debugger is detached. It stays the tab's, marked as PARTIAL in advance, until release(): a capture that
   * fails, or dies with the worker, has lost nothing.
   * @param {number} tabId @returns {Promise<Recording | null>} null: there is none, or it is being captured
   */
  async take(tabId) {
    const recording = await this.#end(tabId);
    if (recording === null || this.taken.has(recording.facts.folder)) return null;
    this.taken.add(recording.facts.folder);
    const facts = { ...recording.facts };
    recording.facts.endedBy ??= UNFINISHED;
    await this.area.set({ [recordingKey(tabId)]: recording.facts }).catch(() => {}); // what stands there reads as cut off, should this worker die
    return { ...recording, facts };
  }

  /** @param {Recording} recording taken @param {boolean} isKept whether what was made of it is durable: then it is thrown away, else the tab has it again */
  async release({ facts: { tabId, folder } }, isKept) {
    this.taken.delete(folder);
    const isOfTab = (await this.#stored(tabId))?.folder === folder;
    if (isOfTab && !isKept) return this.showState(tabId);
    if (isOfTab) await this.#forget(tabId);
    return discardWorkFolder(folder);
  }

  /** @param {number} tabId throws the tab's recording away; a capture of it that runs goes on, and does so at its end */
  async discard(tabId) {
    const recording = await this.#end(tabId);
    if (recording === null) return;
    await this.#forget(tabId);
    if (!this.taken.has(recording.facts.folder)) await discardWorkFolder(recording.facts.folder);
  }

  /** @param {number} tabId @returns {Promise<Recording | null>} ended, and still the tab's; its exchanges are in memory or in its folder */
  async #end(tabId) {
    await this.arming.get(tabId)?.catch(() => {});
    const live = this.live.get(tabId);
    const facts = live?.facts ?? await this.read(tabId);
    if (facts === null) return null;
    if (live) await (live.ended ??= this.#stop(live));
    else await chrome.debugger.detach({ tabId }).catch(() => {}); // of a worker that is no more
    const folder = live?.folder ?? await openWorkFolder(facts.folder);
    if (folder === null) {
      await this.#forget(tabId);
      return null;
    }
    return { facts, folder, exchanges: live ? live.recorder.log.exchanges : await readJournal(folder) };
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

  /** @param {Live} live what cannot be closed is PARTIAL, and so is what the browser had ended before */
  async #stop({ facts, recorder, journal }) {
    try {
      await recorder.stop();
    } catch (error) {
      facts.endedBy ??= `it could not be closed: ${reasonOf(error)}`;
    }
    await journal.close().catch(() => {}); // it is needed only where this worker dies
    await recorder.tab.detach();
    if (recorder.tab.lost) facts.endedBy ??= endOf(recorder.tab.lost.reason);
  }

  /** @param {number} tabId @returns {Promise<RecordingFacts | undefined>} */
  async #stored(tabId) {
    return /** @type {RecordingFacts | undefined} */ ((await this.area.get(recordingKey(tabId)))[recordingKey(tabId)]);
  }

  /** @param {RecordingFacts} facts */
  async #save(facts) {
    await this.area.set({ [recordingKey(facts.tabId)]: facts });
    await this.showState(facts.tabId);
  }

  /** @param {number} tabId */
  async #forget(tabId) {
    this.live.delete(tabId);
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
    if (tabId !== undefined) void recordings.end(tabId, endOf(reason));
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

/** @param {string} reason why the browser detached its debugger @returns {string} why the recording ended */
function endOf(reason) {
  return reason === "canceled_by_user" ? "the person pressed Cancel" : `the browser ended the recording: ${reason}`;
}

/** @param {number} tabId @param {string} text */
async function showBadge(tabId, text) {
  await chrome.action.setBadgeBackgroundColor({ tabId, color: "#a3261c" }).catch(() => {}); // the tab is gone
  await chrome.action.setBadgeText({ tabId, text }).catch(() => {});
}
