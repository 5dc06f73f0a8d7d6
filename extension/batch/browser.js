import { openStore } from "../queue/store.js";
import { newBatch } from "./reducer.js";
import { commandBatch, runBatches, running } from "./runner.js";
import { openBatches } from "./store.js";
import { captureAddress, closeLeftover } from "./tab.js";

/** @typedef {import("./tab.js").StartCapture} StartCapture */
/** @typedef {{urls: import("./list.js").ListEntry[], pacing: import("./reducer.js").Pacing, form: import("./reducer.js").Batch["form"]}} BatchWish */

export const BATCH_ALARM = "batch";
const BATCH_CHANNEL = "holdstill-batch";
const changes = new BroadcastChannel(BATCH_CHANNEL);
const onChange = () => changes.postMessage({});

/** @param {BatchWish} wish @returns {Promise<{batchId: string}>} */
export async function addBatch({ urls, pacing, form }) {
  const { batch, entries } = newBatch({ id: crypto.randomUUID(), now: new Date(), urls, pacing, form });
  await withBatches((store) => store.add(batch, entries));
  onChange();
  return { batchId: batch.id };
}

/** @param {string} batchId @param {"pause" | "resume" | "stop"} word */
export async function tellBatch(batchId, word) {
  await withBatches((store) => commandBatch({ store, onChange }, batchId, word));
}

/**
 * Works until no batch runs. The alarm outlives this worker: whoever it wakes calls this again.
 * @param {StartCapture} startCapture
 */
export async function workBatches(startCapture) {
  await withBatches(async (store) => {
    const tools = {
      store, locks: navigator.locks, onChange, findCapture, closeLeftover,
      capture: (/** @type {import("./reducer.js").Entry} */ entry, /** @type {import("./reducer.js").Batch} */ batch) => captureAddress(entry, batch, startCapture),
      now: () => new Date(), random: Math.random, sleep: (/** @type {number} */ ms) => new Promise((resolve) => { setTimeout(resolve, ms); }),
    };
    if ((await running(tools)) !== undefined) {
      await chrome.alarms.create(BATCH_ALARM, { periodInMinutes: 0.5 });
      await runBatches(tools);
    }
    if ((await running(tools)) === undefined) await chrome.alarms.clear(BATCH_ALARM);
  });
}

/** @param {string} ref @returns {Promise<string | null>} */
async function findCapture(ref) {
  const store = await openStore();
  try {
    return (await store.listItems()).find((item) => item.ref === ref)?.captureId ?? null;
  } finally {
    store.close();
  }
}

/** @template T @param {(store: import("./store.js").BatchStore) => Promise<T>} work @returns {Promise<T>} */
async function withBatches(work) {
  const store = await openBatches();
  try {
    return await work(store);
  } finally {
    store.close();
  }
}
