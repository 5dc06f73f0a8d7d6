import { exportCapture, NotHere, proofFiles } from "../queue/export.js";
import { isOpen, reduce } from "../queue/reducer.js";
import { isTight, readRoom } from "../queue/room.js";
import { withStore } from "../queue/store.js";
import { drawPairingNotice } from "./pairingnotice.js";
import { inOrder } from "./inorder.js";
import { findItems } from "./queuesearch.js";
import { drawQueue } from "./queueview.js";
import { element, formatSize, localise, make, text } from "./texts.js";

/** Time for the browser to begin the download before its address is taken back. */
const DOWNLOAD_MS = 60_000;
const PAGE = 50;

let shown = PAGE;
const draw = inOrder(drawNow);

async function drawNow() {
  const [items, pairing] = await withStore((store) => Promise.all([store.listItems(), store.readPairing()]));
  const found = findItems(items, { words: element("search").value, state: element("filter").value });
  element("count").textContent = items.length === 0 ? "" : text("queue_count", found.length, items.length);
  element("queue-empty").hidden = found.length > 0;
  element("queue-empty").textContent = text(items.length === 0 ? "queue_empty" : "queue_none_found");
  drawQueue(element("queue"), found, {
    origin: pairing?.origin,
    limit: shown,
    retry: (captureId) => void change(captureId, { type: "retried" }),
    discard: (captureId) => void discard(captureId),
    more: drawFiles,
  });
  if (found.length > shown) element("queue").append(moreEntry());
  drawPairingNotice(pairing, items.filter((item) => item.state !== "sealed").length);
  await drawRoom(items);
}

/** @returns {HTMLElement} the button that shows older captures */
function moreEntry() {
  const entry = make("li", "more");
  const button = make("button", "plain", text("queue_more"));
  button.type = "button";
  button.addEventListener("click", () => {
    shown += PAGE;
    void draw();
  });
  entry.append(button);
  return entry;
}

/** What can be saved of a capture. @param {import("../queue/reducer.js").Item} item @returns {HTMLElement} */
function drawFiles(item) {
  const part = make("details", "files");
  part.append(make("summary", "", text("files")));
  const list = make("ul", "");
  for (const file of proofFiles(item)) {
    const words = file.kind === "statement" ? text("file_statement") : text(file.name.endsWith(".tlog-proof") ? `file_receipt_${file.kind}` : `file_event_${file.kind}`);
    list.append(fileEntry(words, item, () => save(file.name, new Blob([file.text], { type: file.mediaType }))));
  }
  if (item.state !== "sealed") list.append(fileEntry(text("file_export"), item, () => exportItem(item.captureId)));
  part.append(list);
  return part;
}

/** @param {string} words @param {import("../queue/reducer.js").Item} item @param {() => void} act */
function fileEntry(words, item, act) {
  const entry = make("li", "");
  const button = make("button", "plain small", words);
  button.type = "button";
  button.setAttribute("aria-label", `${words}: ${item.page.title || item.page.url}`);
  button.addEventListener("click", act);
  entry.append(button);
  return entry;
}

/** @param {string} name @param {Blob} blob */
function save(name, blob) {
  const link = make("a", "");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), DOWNLOAD_MS);
}

/** @param {string} captureId */
async function exportItem(captureId) {
  const done = element("done");
  done.hidden = false;
  done.dataset.kind = "";
  done.textContent = text("export_working");
  try {
    const { name, blob } = await withStore((store) => exportCapture(store, captureId));
    save(name, blob);
    done.textContent = text("export_done", name);
    done.dataset.kind = "done";
  } catch (error) {
    done.textContent = text(error instanceof NotHere ? "export_not_here" : "export_failed");
    done.dataset.kind = "failed";
    if (!(error instanceof NotHere)) throw error;
  }
}

/** @param {string} captureId @param {import("../queue/reducer.js").Event} event */
async function change(captureId, event) {
  await withStore((store) => store.updateItem(captureId, (item) => reduce(item, event)));
  await draw();
  await chrome.runtime.sendMessage({ type: "queue.pump" });
}

/** @param {string} captureId */
async function discard(captureId) {
  if (confirm(text("discard_confirm"))) await change(captureId, { type: "discarded" });
}

/** @param {import("../queue/reducer.js").Item[]} items */
async function drawRoom(items) {
  const room = await readRoom(navigator.storage, items);
  element("room-notice").hidden = !isTight(room);
  if (room === null) return;
  element("room-notice").textContent = text("room_tight", formatSize(room.freeBytes), formatSize(room.needBytes));
  element("room").textContent = text("room_facts", formatSize(room.usedBytes), formatSize(room.freeBytes));
}

localise(document);
element("find").addEventListener("submit", (/** @type {SubmitEvent} */ event) => event.preventDefault());
for (const id of ["search", "filter"]) element(id).addEventListener("input", () => {
  shown = PAGE;
  void draw();
});
new BroadcastChannel("holdstill-queue").addEventListener("message", () => void draw());
await draw();
if ((await withStore((store) => store.listItems())).some(isOpen)) void chrome.runtime.sendMessage({ type: "queue.pump" });
document.body.dataset["drawn"] = "all"; // whoever reads the page by program need not guess
