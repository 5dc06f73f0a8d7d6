import { captureAsSeen, readTab } from "../asseen.js";
import { COLLECT_STEPS } from "../collect.js";
import { RecordedAccount } from "./account.js";
import { RecordedArchive } from "./archive.js";
import { learnFromRecording } from "../secrets/learn.js";
import { addTextBefore, finish, openSession } from "../session.js";
import { requireTabId, takeViewportShot } from "../viewport.js";

/** @typedef {import("../types.js").CaptureOptions} CaptureOptions */
/** @typedef {import("../types.js").CaptureResult} CaptureResult */
/** @typedef {import("./tabs.js").Recording} Recording */

const WRITE_MS = 300_000;

/**
 * Captures a tab whose load was recorded: the screen as it is now, and every body as it came over the network.
 * @param {chrome.tabs.Tab} tab @param {CaptureOptions} options @param {import("./tabs.js").Recordings} recordings
 * @returns {Promise<CaptureResult>} of mode "recorded", with `release`; as seen, with a note, when there is no recording of this tab
 */
export async function captureRecorded(tab, options, recordings) {
  const viewport = options.viewport ?? await takeViewportShot(tab);
  const recording = await recordings.take(requireTabId(tab));
  if (recording === null) return captureAsSeen(tab, { ...options, viewport });
  try {
    const result = await captureRecording(tab, { ...options, viewport, mode: "recorded" }, recording);
    return { ...result, release: (isKept) => recordings.release(recording, isKept) };
  } catch (error) {
    await recordings.release(recording, false).catch(() => {});
    throw error;
  }
}

/**
 * @param {chrome.tabs.Tab} tab @param {CaptureOptions & {viewport: import("../types.js").ViewportShot}} options @param {Recording} recording ended
 * @param {{artifacts?: import("../types.js").CaptureArtifact[], before?: import("../frames.js").Frame[], notes?: string[]}} [more] further shots; the page
 *   before a second load; what is to be said of it
 * @returns {Promise<CaptureResult>} the recording's folder is the caller's to discard
 */
export async function captureRecording(tab, options, recording, { artifacts = [], before = [], notes = [] } = {}) {
  const session = await openSession(requireTabId(tab), options.viewport, options, COLLECT_STEPS + 4);
  const { steps, archive, writer, stripper, collector } = session;
  const { facts, exchanges, folder } = recording;
  const isSecondLoad = options.mode === "reloaded";
  const account = new RecordedAccount(session.account, exchanges);
  session.account = account;
  await steps.run("learn secrets of the recording", WRITE_MS, () => learnFromRecording(stripper, exchanges, folder));
  const addLive = collector.onBody;
  collector.onBody = async (body) => {
    if (account.isRecorded(body.url)) return;
    await addLive(body); // loaded before the recording began
  };
  const { collected } = await readTab(session, requireTabId(tab));
  const recorded = new RecordedArchive({ writer, stripper, resources: archive.resources, folder, isSecondLoad });
  await steps.run("write recorded bodies", WRITE_MS, () => recorded.write(exchanges));
  account.recordedOmissions = recorded.omitted;
  if (isSecondLoad) session.notes.push("the page was loaded a second time: its bodies are not those that were on the screen before");
  session.notes.push(...notes);
  await addTextBefore(session, before);
  session.further.push(...artifacts);
  session.added = { ...session.added, state: facts.endedBy === null ? "COMPLETE" : "PARTIAL", recording: { startedAt: facts.startedAt, scope: facts.scope, endedBy: facts.endedBy } };
  if (facts.endedBy !== null) session.notes.push(`the recording is PARTIAL: ${facts.endedBy}`);
  return finish(session, collected, "chrome.debugger");
}
