import { isOpen, reduce } from "../queue/reducer.js";
import { draftKey, lockName, runKey, Runs, TYPING_MS } from "../queue/runs.js";
import { openStore } from "../queue/store.js";
import { drawQueue } from "./queueview.js";
import { isLive, statusOf, stepsOf } from "./steps.js";
import { element, hostOf, localise, text } from "./texts.js";

// The click is the capture: asking the worker to start comes before anything is drawn.
const params = new URLSearchParams(location.search);
const runs = new Runs(chrome.storage.session);
/** @type {import("../queue/runs.js").Run | undefined} */
let run;
/** @type {string | null} why no run came of the click, a code of _locales (error_<code>) */
let fault = null;
let drawing = Promise.resolve();
const tab = await findTab();
/** @type {number | null} */
let startedAt = params.get("start") === "0" ? null : start();

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
  fault = null;
  chrome.runtime.sendMessage({ type: "capture.start", tabId: tab.id, draft }).then((answer) => {
    if (answer?.error) fault = "tab_gone"; // a run that failed says so itself; only a tab that is no more gives no run
    return drawRun();
  });
  return at;
}

/** One drawing after the other: an older state must not be drawn over a newer one. */
function drawRun() {
  drawing = drawing.then(drawRunNow);
  return drawing;
}

async function drawRunNow() {
  const found = await runs.read(tab.id);
  run = found && (isLive(found) || (startedAt !== null && Date.parse(found.startedAt) >= startedAt - 1000)) ? found : undefined;
  const dead = run !== undefined && isLive(run) && !(await isHeld(run.tabId));
  const item = run?.captureId ? await withStore((store) => store.readItem(/** @type {string} */ (run?.captureId))) : undefined;
  const live = run === undefined ? startedAt !== null && fault === null : isLive(run) && !dead;
  drawPage(run, dead);
  const isDiscarded = run !== undefined && ((await runs.readDraft(run.runId))?.discarded ?? false);
  drawStatus(statusOf({ run, item, isStarted: startedAt !== null, isDead: dead, isDiscarded, fault }));
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
  if (summary) {
    const failed = summary.failedSteps.length > 0 ? `. ${text("collect_failed", summary.failedSteps.join(", "))}` : "";
    element("missed").textContent = `${text("collect_summary", summary.captured, summary.omitted)}${failed}`;
  }
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
  element("capture").disabled = live;
  element("capture").textContent = text(startedAt === null ? "capture" : "capture_again");
}

/** @returns {string} what was sealed with the capture, in one line */
function describeForm() {
  const parts = ["case", "note", "labels"].map((id) => [text(id), element(id).value.trim()]).filter(([, value]) => value !== "");
  return parts.length === 0 ? text("form_sealed_empty") : text("form_sealed", parts.map(([name, value]) => `${name}: ${value}`).join(" · "));
}

/** @param {{typingUntil: number, discarded?: boolean}} state @returns {import("../queue/runs.js").Draft} */
function readForm({ typingUntil, discarded = false }) {
  const [caseName, note, labels] = ["case", "note", "labels"].map((id) => element(id).value);
  return { case: caseName, note, labels, typingUntil, discarded };
}

/** @param {{typingUntil: number, discarded?: boolean}} state */
async function saveDraft(state) {
  const current = run ?? (await runs.read(tab.id));
  if (current && isLive(current)) await runs.saveDraft(current.runId, readForm(state));
}

async function drawList() {
  const [items, pairing] = await withStore((store) => Promise.all([store.listItems(), store.readPairing()]));
  element("queue-empty").hidden = items.length > 0;
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

async function drawPairing() {
  const pairing = await withStore((store) => store.readPairing());
  const notice = element("pairing-notice");
  notice.hidden = pairing !== undefined && pairing.revokedAt === null;
  const [said, linked] = pairing === undefined ? ["unpaired", "unpaired_link"] : ["revoked", "revoked_link"];
  notice.querySelector("span").textContent = text(said);
  notice.querySelector("a").textContent = text(linked);
}

/** @template T @param {(store: import("../queue/store.js").Store) => Promise<T>} work @returns {Promise<T>} */
async function withStore(work) {
  const store = await openStore();
  try {
    return await work(store);
  } finally {
    store.close();
  }
}

/** @param {number} tabId */
async function isHeld(tabId) {
  return (await navigator.locks.query()).held?.some((lock) => lock.name === lockName(tabId)) ?? false;
}

localise(document);
const form = element("form");
form.addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  if (element("capture").disabled) return void saveDraft({ typingUntil: 0 }); // Enter in a field: done typing
  if (startedAt !== null) for (const id of ["note", "labels"]) element(id).value = "";
  run = undefined;
  startedAt = start(readForm({ typingUntil: 0 }));
  void drawRun();
});
form.addEventListener("input", () => {
  void saveDraft({ typingUntil: Date.now() + TYPING_MS });
  void chrome.storage.local.set({ lastCase: element("case").value.trim() || null });
});
form.addEventListener("focusout", () => void saveDraft({ typingUntil: 0 }));
element("discard").addEventListener("click", () => void saveDraft({ typingUntil: 0, discarded: true }));
chrome.storage.session.onChanged.addListener((changes) => {
  if (runKey(tab.id) in changes) void drawRun();
  if (run && draftKey(run.runId) in changes) void drawRun();
});
new BroadcastChannel("holdstill-queue").addEventListener("message", () => {
  void drawRun();
  void drawList();
});
element("case").value = (await chrome.storage.local.get("lastCase"))["lastCase"] ?? "";
await Promise.all([drawRun(), drawList(), drawPairing()]);
const hasOpen = (await withStore((store) => store.listItems())).some(isOpen);
if (hasOpen) void chrome.runtime.sendMessage({ type: "queue.pump" });
