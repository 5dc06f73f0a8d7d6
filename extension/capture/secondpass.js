import { createWorkFolder, discardWorkFolder } from "../archive/workfolder.js";
import { RecordedAccount } from "./recorded/account.js";
import { RecordedArchive } from "./recorded/archive.js";
import { RecordedBodies } from "./recorded/bodies.js";
import { whenQuiet } from "./recorded/quiet.js";
import { learnFromRecording } from "./secrets/learn.js";
import { TabRecorder } from "./recorded/tab.js";
import { takeFullPageShot } from "./screenshots.js";

/** @typedef {import("./debugger.js").TabDebugger} TabDebugger */
/** @typedef {import("./session.js").Session} Session */

const LIMIT = { start: 5000, scroll: 60000, quiet: 15000, shot: 30000, back: 5000, write: 60000 };
const MARK = { pass: /** @type {2} */ (2) };

/**
 * After everything of the capture as seen is done: scrolls through the page, opens what can be opened, and keeps what came of it as *further* bodies
 * and a further full-page shot. It makes the page ask its site for more, so it runs only when the person chose it, and the account says so.
 * The page is scrolled back and what was opened is closed again; what its own programs did meanwhile stays.
 * @param {TabDebugger} tab attached @param {Session} session @returns {Promise<void>}
 */
export async function runSecondPass(tab, session) {
  const { steps, stripper, writer, archive, notes } = session;
  const startedAt = new Date();
  const folder = await createWorkFolder(startedAt);
  if (folder === null) return steps.skip("second pass", "the browser has no private file system");
  const recorder = new TabRecorder(tab, new RecordedBodies(folder.handle));
  const isRecording = await steps.run("second pass: record", LIMIT.start, async () => {
    await recorder.start();
    return true;
  });
  if (isRecording) {
    const before = await steps.run("second pass: scroll and expand", LIMIT.scroll, () => inPage(tab, scrollThrough, LIMIT.scroll));
    await steps.run("second pass: wait for what it asked for", LIMIT.quiet, () => whenQuiet(recorder, LIMIT.quiet));
    const shot = await steps.run("second pass: full-page screenshot", LIMIT.shot, (signal) => takeFullPageShot(tab, session.collector.devicePixelRatio, signal));
    if (shot) session.further.push({ role: "screenshot.full", name: "screenshot.full.2.png", mediaType: "image/png", blob: shot.png });
    await steps.run("second pass: scroll back", LIMIT.back, () => inPage(tab, scrollBack, LIMIT.back, before));
  }
  await recorder.stop();
  const { exchanges } = recorder.log;
  const further = new RecordedArchive({ writer, stripper, resources: archive.resources, folder: folder.handle, isSecondLoad: false, mark: MARK });
  await steps.run("second pass: write bodies", LIMIT.write, async () => {
    await learnFromRecording(stripper, exchanges, folder.handle);
    await further.write(exchanges);
  });
  const account = new RecordedAccount(session.account, exchanges, { isFurther: true });
  account.recordedOmissions = further.omitted.map((entry) => ({ ...entry, ...MARK }));
  session.account = account;
  session.added = { ...session.added, secondPass: { startedAt: startedAt.toISOString(), requests: exchanges.length } };
  notes.push("a second pass scrolled and expanded the page after the shots, and made it ask its site for more: what came of it is marked with pass 2");
  await discardWorkFolder(folder.name);
}

/**
 * @template T @param {TabDebugger} tab @param {(argument: any) => Promise<T>} act is sent as text: it must not use anything from outside itself
 * @param {number} limitMs @param {unknown} [argument] @returns {Promise<T>} what it gives in the page's main frame, in a world of its own
 */
async function inPage(tab, act, limitMs, argument = null) {
  const { frameTree } = await tab.send(tab.root, "Page.getFrameTree");
  const { executionContextId } = await tab.send(tab.root, "Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "holdstill" });
  const { result, exceptionDetails } = await tab.send(tab.root, "Runtime.callFunctionOn", { functionDeclaration: act.toString(), executionContextId,
    arguments: [{ value: argument }], returnByValue: true, awaitPromise: true }, limitMs);
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}

/** Runs in the page. @returns {Promise<{x: number, y: number, opened: number[]}>} where it stood, and which `details` elements were opened, by position */
async function scrollThrough() {
  const before = { x: scrollX, y: scrollY, opened: /** @type {number[]} */ ([]) };
  document.querySelectorAll("details").forEach((element, index) => {
    if (element.open) return;
    element.open = true;
    before.opened.push(index);
  });
  const step = Math.max(200, Math.floor(innerHeight * 0.8));
  for (let y = 0, screens = 0; y < document.documentElement.scrollHeight && screens < 200; y += step, screens += 1) {
    scrollTo({ left: before.x, top: y, behavior: "instant" });
    await new Promise((resolve) => { setTimeout(resolve, 120); });
  }
  return before;
}

/** Runs in the page. @param {{x: number, y: number, opened: number[]} | null} before */
async function scrollBack(before) {
  if (before === null) return;
  const all = document.querySelectorAll("details");
  for (const index of before.opened) if (all[index]) all[index].open = false;
  scrollTo({ left: before.x, top: before.y, behavior: "instant" });
}
