import { AUTO_OFF, readAuto } from "../auto/watch.js";
import { parsePatterns } from "../auto/patterns.js";
import { parseList } from "../batch/list.js";
import { DEFAULT_PACING } from "../batch/reducer.js";
import { resultOf, resultsCsv } from "../batch/results.js";
import { openBatches } from "../batch/store.js";
import { openStore } from "../queue/store.js";
import { drawAutoLimit } from "./autolimit.js";
import { inOrder } from "./inorder.js";
import { element, formatTime, localise, text } from "./texts.js";

const REDRAW_MS = 300;
const ERRORS_SHOWN = 50;
/** @type {import("../batch/reducer.js").Batch | undefined} the newest */
let batch;
/** @type {import("../batch/reducer.js").Entry[]} */
let entries = [];
/** @type {Map<string, import("../queue/reducer.js").Item>} */
let items = new Map();
/** @type {ReturnType<typeof setTimeout> | undefined} */
let redrawing;
const draw = inOrder(drawNow);

async function read() {
  const [batches, store] = await Promise.all([openBatches(), openStore()]);
  try {
    batch = (await batches.list())[0];
    entries = batch ? await batches.entries(batch.id) : [];
    items = new Map((await store.listItems()).map((item) => [item.captureId, item]));
  } finally {
    batches.close();
    store.close();
  }
}

async function drawNow() {
  await read();
  element("run").hidden = batch === undefined;
  drawStart();
  if (batch === undefined) return;
  const results = entries.map((entry) => resultOf(entry, items.get(entry.captureId ?? "")));
  const count = (/** @type {string[]} */ ...names) => results.filter(({ result }) => names.includes(result)).length;
  const ended = count("sealed", "queued", "failed", "skipped");
  element("batch-heading").textContent = text("batch_heading", formatTime(batch.createdAt));
  const message = `${text(`batch_state_${batch.state}`)} ${text("batch_counts", ended, entries.length, count("sealed"), count("queued"), count("failed"))}`;
  if (element("batch-status").textContent !== message) element("batch-status").textContent = message;
  element("batch-progress").max = entries.length;
  element("batch-progress").value = ended;
  element("pause").hidden = batch.state !== "running";
  element("resume").hidden = batch.state !== "paused";
  element("stop").hidden = batch.state !== "running" && batch.state !== "paused";
  element("again").hidden = !isOver() || count("failed", "skipped") === 0;
  element("entries").replaceChildren(...entries.map((entry, at) => drawEntry(entry, results[at])));
}

/** Addresses and what the browser says come from strangers: they are set as text. @param {import("../batch/reducer.js").Entry} entry @param {ReturnType<typeof resultOf>} result */
function drawEntry({ line, url, status, detail }, { result, reason }) {
  const row = document.createElement("tr");
  row.dataset["result"] = result;
  const said = [text(`batch_result_${result}`), status !== null && status >= 400 ? `HTTP ${status}` : "", reason === null ? "" : text(reason), detail ?? ""];
  for (const content of [String(line), url, said.filter(Boolean).join(" · ")]) row.insertCell().textContent = content;
  return row;
}

/** @returns {boolean} nothing of the newest batch is left to do */
function isOver() {
  return batch === undefined || batch.state === "stopped" || batch.state === "finished";
}

function drawStart() {
  const { entries: found, duplicates, errors } = parseList(element("urls").value);
  element("start").disabled = found.length === 0 || !isOver();
  const isEmpty = element("urls").value.trim() === "";
  const message = isEmpty ? "" : `${text("batch_found", found.length, duplicates.length, errors.length)}${isOver() ? "" : ` ${text("batch_wait")}`}`;
  if (element("list-found").textContent !== message) element("list-found").textContent = message;
  const list = element("list-errors");
  list.hidden = errors.length === 0;
  list.replaceChildren(...errors.slice(0, ERRORS_SHOWN).map(({ line, code, text: cell }) => {
    const entry = document.createElement("li");
    entry.textContent = text(`batch_error_${code}`, line, cell);
    return entry;
  }));
}

async function start() {
  const { entries: urls } = parseList(element("urls").value);
  if (urls.length === 0 || !element("list-form").checkValidity()) return;
  element("start").disabled = true;
  const pacing = { ...DEFAULT_PACING, delayMs: element("delay").valueAsNumber * 1000, hostDelayMs: element("host-delay").valueAsNumber * 1000 };
  pacing.jitterMs = Math.min(DEFAULT_PACING.jitterMs, Math.round(pacing.delayMs * 0.4));
  const form = { case: element("case").value, note: element("note").value, labels: "" };
  await chrome.runtime.sendMessage({ type: "batch.start", urls, pacing, form });
  element("urls").value = "";
  await draw();
}

function download() {
  const csv = resultsCsv(entries, items, text);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv], { type: "text/csv;charset=utf-8" }));
  link.download = `holdstill-${(batch?.createdAt ?? "").slice(0, 19).replaceAll(":", "-")}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function again() {
  const failed = entries.filter(({ state }) => state === "failed" || state === "skipped");
  element("urls").value = failed.map(({ url }) => url).join("\n");
  drawStart();
  element("urls").focus();
}

/** @param {"pause" | "resume" | "stop"} word */
async function tell(word) {
  await chrome.runtime.sendMessage({ type: "batch.tell", batchId: batch?.id, word });
  await draw();
}

/** Fills in what is saved, then lets a person change it: saved before it was shown, their list would take the place of the one they did not see. */
async function openSettings() {
  const controls = [...element("auto-form").elements, element("refetch")];
  for (const control of controls) control.disabled = true; // as the page has them, whatever a browser brings back after a reload
  const [auto, stored] = await Promise.all([readAuto({ local: chrome.storage.local }), chrome.storage.local.get(["refetchImages", "lastCase"])]);
  element("auto-on").checked = auto.isOn;
  element("auto-patterns").value = auto.patterns;
  element("auto-interval").value = String(auto.intervalMin);
  element("refetch").checked = stored["refetchImages"] === true;
  element("case").value ||= stored["lastCase"] ?? "";
  for (const control of controls) control.disabled = false;
}

async function saveAuto() {
  const { patterns, errors } = parsePatterns(element("auto-patterns").value);
  const isBad = errors.length > 0 || !element("auto-form").checkValidity() || (element("auto-on").checked && patterns.length === 0);
  const status = element("auto-status");
  status.textContent = !isBad ? text("acts_saved") : errors.length > 0 ? text("acts_auto_bad", errors.map(({ line }) => line).join(", ")) : text("acts_auto_none");
  if (isBad) return;
  await chrome.storage.local.set({ auto: { ...AUTO_OFF, isOn: element("auto-on").checked, patterns: element("auto-patterns").value, intervalMin: element("auto-interval").valueAsNumber } });
}

function soon() {
  redrawing ??= setTimeout(() => {
    redrawing = undefined;
    void draw();
  }, REDRAW_MS);
}

localise(document);
for (const word of /** @type {const} */ (["pause", "resume", "stop"])) element(word).addEventListener("click", () => void tell(word));
element("download").addEventListener("click", download);
element("again").addEventListener("click", again);
element("urls").addEventListener("input", drawStart);
element("file").addEventListener("change", async () => {
  const [file] = element("file").files;
  if (file) element("urls").value = await file.text();
  drawStart();
});
element("list-form").addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  void start();
});
element("auto-form").addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  void saveAuto();
});
element("refetch").addEventListener("change", () => void chrome.storage.local.set({ refetchImages: element("refetch").checked }));
for (const channel of ["holdstill-batch", "holdstill-queue"]) new BroadcastChannel(channel).addEventListener("message", soon);
chrome.storage.local.onChanged.addListener((changes) => void (("autoBegun" in changes || "autoOver" in changes) && drawAutoLimit()));
await Promise.all([openSettings(), draw(), drawAutoLimit()]);
document.body.dataset["drawn"] = "all"; // whoever reads the page by program need not guess
if (batch?.state === "running") void chrome.runtime.sendMessage({ type: "batch.tell", batchId: batch.id, word: "resume" }); // wakes a worker that died
