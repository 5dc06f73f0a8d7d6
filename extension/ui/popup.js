import { OFFERED_MODES } from "../queue/modes.js";
import { isOpen, reduce } from "../queue/reducer.js";
import { isTight, readRoom } from "../queue/room.js";
import { draftKey, formLockName, isHeld, recordingKey, runKey, Runs, TYPING_MS } from "../queue/runs.js";
import { withStore } from "../queue/store.js";
import { drawAutoLimit } from "./autolimit.js";
import { Hold, HOLD_MS } from "./hold.js";
import { inOrder } from "./inorder.js";
import { LabelForm } from "./labelform.js";
import { MaskForm } from "./maskform.js";
import { missedParts } from "./missed.js";
import { drawPairingNotice } from "./pairingnotice.js";
import { drawPost, hasPost } from "./postview.js";
import { Previews } from "./previews.js";
import { drawQueue } from "./queueview.js";
import { isLive, statusOf, stepsOf } from "./steps.js";
import { element, formatSize, hostOf, localise, make, text } from "./texts.js";

// The click is the capture: asking the worker to start comes before anything is drawn.
const params = new URLSearchParams(location.search);
const AGAIN_MS = 100;
const runs = new Runs(chrome.storage.session);
/** @type {import("../queue/runs.js").Run | undefined} */
let run;
/** @type {string | null} why no run came of the click, a code of _locales (error_<code>) */
let fault = null;
let givenUp = ""; // the run that the person discarded: nothing they do in the form afterwards takes that back
/** @type {{typingUntil: number, discarded?: boolean} | null} what they did in the form after the click, while its run was not there yet */
let early = null;
const [drawRun, drawList] = [inOrder(drawRunNow), inOrder(drawListNow)];
const tab = await findTab();
/** @type {number | null} */
let startedAt = params.get("start") === "0" ? null : start();
/** @type {import("../capture/recorded/types.js").RecordingFacts | undefined} of this tab: running, or ended and not captured yet */
let recording;

/** @returns {Promise<{id: number, url?: string, title?: string}>} the tab of `?tabId=N`, else the one in front */
async function findTab() {
  const wanted = params.get("tabId");
  if (wanted === null) return /** @type {chrome.tabs.Tab & {id: number}} */ ((await chrome.tabs.query({ active: true, currentWindow: true }))[0]);
  const found = await chrome.tabs.get(Number(wanted)).catch(() => undefined);
  return found?.id === undefined ? { id: Number(wanted) } : { ...found, id: found.id };
}

/**
 * @param {import("../queue/runs.js").Draft} [draft] what the form holds already
 * @returns {number} milliseconds: runs older than this click are not this popup's, unless they still run
 */
function start(draft) {
  const at = Date.now();
  [fault, early] = [null, null];
  void ask({ type: "capture.start", tabId: tab.id, draft, mode: draft ? element("mode").value : OFFERED_MODES[0] }).then((answer) => answer?.error && "tab_gone", () => "internal").then((why) => {
    fault = why || fault; // a run says itself that it failed or was cut off: only a tab that is no more gives none, or a worker that ended too early
    return drawRun();
  });
  return at;
}

/** @param {object} wish @returns {Promise<any>} the worker's answer, once it is not that a run which has ended still holds the tab: it lets go in a moment */
async function ask(wish) {
  for (;;) {
    const answer = await chrome.runtime.sendMessage(wish);
    const holder = answer?.busy ? await runs.read(tab.id) : undefined;
    if (holder === undefined || isLive(holder)) return answer;
    await new Promise((resolve) => { setTimeout(resolve, AGAIN_MS); });
  }
}

async function drawRunNow() {
  const found = await runs.read(tab.id);
  if (found?.runId !== run?.runId) element("no-preview").hidden = true; // it was said of another run's picture
  run = found && (isLive(found) || (startedAt !== null && Date.parse(found.startedAt) >= startedAt - 1000)) ? found : undefined;
  const isDiscarded = run !== undefined && ((await runs.readDraft(run.runId))?.discarded ?? false);
  if (run && isDiscarded) givenUp = run.runId;
  if (run && isLive(run)) hold.check(run.runId);
  if (run && isLive(run) && early !== null) void saveDraft(early);
  recording = /** @type {typeof recording} */ ((await chrome.storage.session.get(recordingKey(tab.id)))[recordingKey(tab.id)]);
  const dead = run !== undefined && isLive(run) && !(await isHeld(run.tabId));
  const item = run?.captureId ? await withStore((store) => store.readItem(/** @type {string} */ (run?.captureId))) : undefined;
  const live = run === undefined ? startedAt !== null && fault === null : isLive(run) && !dead;
  drawPage(run, dead);
  const isArmed = recording !== undefined && run === undefined && !live && fault === null;
  if (isArmed) drawStatus(recording?.endedBy === null ? "recording" : "recording_ended");
  else drawStatus(statusOf({ run, item, isStarted: startedAt !== null, isDead: dead, isDiscarded, fault }));
  drawSteps(run, item, dead);
  drawForm(live, run);
}

/** @param {import("../queue/runs.js").Run | undefined} shown @param {boolean} dead */
function drawPage(shown, dead) {
  element("page-title").textContent = shown?.title || tab.title || tab.url || "";
  element("page-host").textContent = hostOf(shown?.url || tab.url || "");
  const progress = element("progress");
  progress.hidden = dead || shown === undefined || shown.phase !== "collecting";
  progress.max = shown?.step?.total || 1;
  progress.value = shown?.step?.done ?? 0;
  const summary = shown?.pageinfo;
  element("missed").hidden = !summary;
  element("missed-list").hidden = !summary || summary.failedSteps.length === 0;
  if (summary) {
    element("missed").textContent = text("collect_summary", summary.captured, summary.omitted);
    element("missed-list").replaceChildren(...missedParts(summary).map((part) => make("li", "", "code" in part ? text(`missed_${part.code}`) : text("collect_failed", part.name))));
  }
  labelForm.offer();
  element("post").hidden = !hasPost(shown?.post);
  if (shown?.post) drawPost(element("post-facts"), shown.post);
}

/** @param {string} name */
function drawStatus(name) {
  const status = element("status");
  const message = name === "failed" ? text(`error_${run?.error ?? fault ?? "internal"}`) : text(`status_${name}`);
  if (status.textContent !== message) status.textContent = message; // a live region: said again only when it changes
  status.dataset.kind = name === "failed" || name === "interrupted" ? "failed" : name === "queued" || name === "delivered" ? "done" : "";
}

/** @param {import("../queue/runs.js").Run | undefined} shown @param {import("../queue/reducer.js").Item | undefined} item @param {boolean} dead */
function drawSteps(shown, item, dead) {
  const list = element("steps");
  list.hidden = shown === undefined || shown.phase === "discarded";
  if (list.hidden || shown === undefined) return;
  list.replaceChildren(...stepsOf(shown, item, dead).map(({ name, state }) => {
    const entry = document.createElement("li");
    entry.dataset["step"] = state;
    entry.textContent = text(`step_${name}`);
    const said = { done: "step_done", now: "step_now", todo: "step_todo", failed: "step_failed" }[state];
    entry.setAttribute("aria-label", `${text(`step_${name}`)}: ${text(said)}`);
    return entry;
  }));
}

/** @param {boolean} live @param {import("../queue/runs.js").Run | undefined} shown */
function drawForm(live, shown) {
  const isSealed = shown?.phase === "sealing" || shown?.phase === "queued";
  element("fields").hidden = isSealed; // what is sealed is not edited; a click on the other button begins anew
  element("form-state").hidden = !isSealed;
  element("form-state").textContent = describeForm();
  element("discard").hidden = !live || isSealed;
  element("finish").hidden = live || recording === undefined;
  element("seal-now").hidden = !(live && shown?.phase === "waiting" && hold.isOn);
  element("capture").disabled = live;
  element("capture").textContent = text(startedAt === null ? "capture" : "capture_again");
  element("capture").hidden = element("capture-region").hidden = live || recording !== undefined; // what they would do is under way
  drawModes();
}

/** @returns {string} what was sealed with the capture, in one line */
function describeForm() {
  const parts = ["case", "note", "labels"].map((id) => [text(id), element(id).value.trim()]).filter(([, value]) => value !== "");
  const answers = labelForm.read().filter(({ state }) => state !== "not_checked").length;
  if (answers > 0) parts.push([text("observe_heading"), String(answers)]);
  return parts.length === 0 ? text("form_sealed_empty") : text("form_sealed", parts.map(([name, value]) => `${name}: ${value}`).join(" · "));
}

/** @param {{typingUntil: number, discarded?: boolean}} state @returns {import("../queue/runs.js").Draft} */
function readForm({ typingUntil, discarded = false }) {
  const [caseName, note, labels] = ["case", "note", "labels"].map((id) => element(id).value);
  return { case: caseName, note, labels, typingUntil, discarded, labelObservations: labelForm.read(), masks: maskForm.masks };
}

/** The case stays from capture to capture; the rest is about one page. */
function clearForm() {
  for (const id of ["note", "labels"]) element(id).value = "";
  labelForm.clear();
  maskForm.clear();
}

/** @param {{typingUntil: number, discarded?: boolean}} state */
async function saveDraft(state) {
  const current = run ?? (await runs.read(tab.id));
  const said = { ...early, ...state };
  const isThere = current !== undefined && isLive(current);
  early = isThere || run !== undefined || startedAt === null ? null : said;
  if (!isThere) return;
  if (said.discarded) givenUp = current.runId;
  await runs.saveDraft(current.runId, readForm({ ...said, discarded: givenUp === current.runId }));
}

async function drawListNow() {
  const [items, pairing] = await withStore((store) => Promise.all([store.listItems(), store.readPairing()]));
  element("queue-empty").hidden = items.length > 0;
  await drawRoom(items);
  drawPairingNotice(pairing, items.filter((item) => item.state !== "sealed").length);
  drawQueue(element("queue"), items, {
    origin: pairing?.origin,
    retry: (captureId) => void change(captureId, { type: "retried" }),
    discard: (captureId) => void change(captureId, { type: "discarded" }),
  });
}

/** @param {string} captureId @param {import("../queue/reducer.js").Event} event */
async function change(captureId, event) {
  await withStore((store) => store.updateItem(captureId, (item) => reduce(item, event)));
  await drawList();
  await chrome.runtime.sendMessage({ type: "queue.pump" });
}

/** @param {import("../queue/reducer.js").Item[]} items */
async function drawRoom(items) {
  const room = await readRoom(navigator.storage, items);
  const notice = element("room-notice");
  notice.hidden = !isTight(room);
  if (room && isTight(room)) notice.textContent = text("room_tight", formatSize(room.freeBytes), formatSize(room.needBytes));
}

function drawModes() {
  for (const option of element("mode").options) option.hidden = option.disabled = !OFFERED_MODES.includes(option.value) || (option.value === "recorded" && !chrome.debugger);
  const { value } = element("mode");
  element("mode-hint").hidden = value === "as_seen";
  element("mode-hint").textContent = value === "as_seen" ? "" : text(`mode_${value}_hint`);
  element("scope-row").hidden = value !== "recorded";
  element("pass-row").hidden = value !== "as_seen";
  if (value === "recorded") element("capture").textContent = text("record_start");
}

/** From now on what the tab loads is recorded; the next capture of the tab takes it. */
async function arm() {
  fault = null;
  const answer = await chrome.runtime.sendMessage({ type: "record.arm", tabId: tab.id, scope: element("record-case").checked ? "case" : "tab" });
  if (answer?.error) fault = "not_recording";
  run = undefined;
  startedAt = null;
  await drawRun();
}

/** The person marks the region on the page itself, so this popup makes way; as a tab it lets the page come to the front. */
async function startRegion() {
  void chrome.runtime.sendMessage({ type: "capture.start", tabId: tab.id, selection: { kind: "region" }, draft: readForm({ typingUntil: 0 }), mode: OFFERED_MODES[0] });
  if (params.get("tabId") === null) window.close();
  else await chrome.tabs.update(tab.id, { active: true });
}

localise(document);
const previews = new Previews(runs, { current: () => run, isHeld, tell: (isMissing) => { element("no-preview").hidden = !isMissing; } });
const formAround = { url: () => run?.url || tab.url || "", claims: () => run?.post?.claims ?? [], pickRegion: (/** @type {string} */ title) => previews.pick(title), wholeView: () => previews.whole(), onChange: () => void saveDraft({ typingUntil: Date.now() + TYPING_MS }) };
const labelForm = new LabelForm(formAround);
const maskForm = new MaskForm(formAround);
const hold = new Hold({
  isWanted: () => document.querySelector("details.held[open]") !== null,
  renew: () => void saveDraft({ typingUntil: Date.now() + HOLD_MS }), lock: formLockName(tab.id),
});
const form = element("form");
form.addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  if (element("capture").disabled) return void saveDraft({ typingUntil: 0 }); // Enter in a field: done typing
  if (element("mode").value === "recorded" && recording === undefined) return void arm();
  if (startedAt !== null) clearForm();
  run = undefined;
  hold.reset();
  startedAt = start(readForm({ typingUntil: hold.isOn ? Date.now() + HOLD_MS : 0 }));
  void drawRun();
});
form.addEventListener("input", () => {
  void saveDraft({ typingUntil: Date.now() + TYPING_MS });
  void chrome.storage.local.set({ lastCase: element("case").value.trim() || null });
});
form.addEventListener("focusout", (/** @type {FocusEvent} */ { relatedTarget }) => {
  const isStaying = form.contains(/** @type {Node | null} */ (relatedTarget)); // on the way to the next field, or pressing a button that has still to be let go
  if (!hold.isOn) void saveDraft({ typingUntil: isStaying ? Date.now() + TYPING_MS : 0 });
});
for (const part of document.querySelectorAll("details.held")) part.addEventListener("toggle", () => {
  hold.check();
  if (!hold.isOn) void saveDraft({ typingUntil: 0 });
  if (part.id === "observe") void chrome.storage.local.set({ askLabels: /** @type {HTMLDetailsElement} */ (part).open });
  void drawRun();
});
element("mode").addEventListener("change", drawModes);
element("finish").addEventListener("click", () => {
  startedAt = start(readForm({ typingUntil: 0 }));
  void drawRun();
});
element("capture-region").addEventListener("click", () => void startRegion());
element("second-pass").addEventListener("change", () => void chrome.storage.local.set({ secondPass: element("second-pass").checked }));
element("seal-now").addEventListener("click", () => {
  hold.release();
  void saveDraft({ typingUntil: 0 });
});
element("discard").addEventListener("click", () => void saveDraft({ typingUntil: 0, discarded: true }));
chrome.storage.local.onChanged.addListener((changes) => void (("autoBegun" in changes || "autoOver" in changes) && drawAutoLimit()));
chrome.storage.session.onChanged.addListener((changes) => {
  if (runKey(tab.id) in changes || recordingKey(tab.id) in changes) void drawRun();
  if (run && draftKey(run.runId) in changes) void drawRun();
});
new BroadcastChannel("holdstill-queue").addEventListener("message", () => void Promise.all([drawRun(), drawList()]));
const kept = await chrome.storage.local.get(["lastCase", "askLabels", "secondPass"]).catch(() => /** @type {Record<string, any>} */ ({})); // no setting is worth a capture
element("case").value ||= kept["lastCase"] ?? ""; // a person may have been faster than the storage
element("second-pass").checked ||= kept["secondPass"] === true;
if (element("second-pass").checked) void chrome.storage.local.set({ secondPass: true }); // chosen before anything here listened: what is shown is what is done
element("observe").open ||= kept["askLabels"] === true;
drawModes();
await Promise.all([drawRun(), drawList(), drawAutoLimit()]);
const hasOpen = (await withStore((store) => store.listItems())).some(isOpen);
if (hasOpen) void chrome.runtime.sendMessage({ type: "queue.pump" });
document.body.dataset["drawn"] = "all"; // whoever reads the page by program need not guess
