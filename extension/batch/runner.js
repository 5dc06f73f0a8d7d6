import { begin, command, end, nextStep, recover, refOf } from "./reducer.js";

/**
 * Works through a batch. Nothing is remembered between two steps but what the store holds: a worker that died is followed by another that goes on.
 *
 * @typedef {import("./reducer.js").Batch} Batch
 * @typedef {import("./reducer.js").Entry} Entry
 * @typedef {object} Tools
 * @property {import("./store.js").BatchStore} store
 * @property {Pick<LockManager, "request">} locks
 * @property {(entry: Entry, batch: Batch) => Promise<import("./reducer.js").Outcome>} capture opens the address, captures it, closes it; never throws
 * @property {(ref: string) => Promise<string | null>} findCapture the capture id that an earlier worker made for an entry
 * @property {() => Promise<void>} closeLeftover the tab of a worker that died
 * @property {() => void} onChange
 * @property {() => Date} now
 * @property {() => number} random
 * @property {(ms: number) => Promise<void>} sleep
 */

const LOCK = "holdstill-batch";
const LONGEST_SLEEP_MS = 1000; // a person's pause or stop is seen that soon

/**
 * @param {Tools} tools
 * @returns {Promise<boolean>} whether this call did the work; false: another worker does
 */
export async function runBatches(tools) {
  return tools.locks.request(LOCK, { ifAvailable: true }, async (lock) => {
    if (lock === null) return false;
    await tools.closeLeftover();
    await recoverEntries(tools);
    for (let batch = await running(tools); batch; batch = await running(tools)) await advance(batch, tools);
    return true;
  });
}

/** @param {Tools} tools @returns {Promise<Batch | undefined>} the oldest that runs */
export async function running({ store }) {
  return (await store.list()).findLast(({ state }) => state === "running");
}

/** @param {Tools} tools */
async function recoverEntries({ store, findCapture, now, onChange }) {
  for (const batch of await store.list()) {
    for (const entry of await store.entries(batch.id)) {
      if (entry.state !== "working") continue;
      const next = recover(entry, await findCapture(refOf(batch.id, entry.index)), now());
      await store.putEntry(next.state === "waiting" && batch.state === "stopped" ? { ...next, state: "skipped" } : next);
      onChange();
    }
  }
}

/** One entry, or one pause. @param {Batch} batch @param {Tools} tools */
async function advance(batch, tools) {
  const { store, now, random, onChange, sleep } = tools;
  const step = nextStep(batch, await store.entries(batch.id), now().getTime());
  if (step === null) {
    await store.update(batch.id, (one) => command(one, "finish"));
    return onChange();
  }
  if ("waitMs" in step) return sleep(Math.min(Math.max(step.waitMs, 1), LONGEST_SLEEP_MS));
  const started = begin(batch, step.entry, now(), random());
  const { nextAt, hostNextAt } = started.batch;
  const kept = await store.update(batch.id, (one) => ({ ...one, nextAt, hostNextAt }), (one) => (one.state === "running" ? started.entry : null));
  onChange();
  if (kept?.state !== "running") return undefined; // paused or stopped in this moment: the entry was not begun
  const outcome = await tools.capture(started.entry, kept);
  await store.putEntry(end(started.entry, outcome, now()));
  return onChange();
}

/**
 * The person's word. A stop ends what has not begun; the capture under way is finished.
 * @param {Pick<Tools, "store" | "onChange">} tools @param {string} batchId @param {"pause" | "resume" | "stop"} word
 */
export async function commandBatch({ store, onChange }, batchId, word) {
  const batch = await store.update(batchId, (one) => command(one, word));
  if (batch?.state === "stopped") {
    for (const entry of await store.entries(batchId)) if (entry.state === "waiting") await store.putEntry({ ...entry, state: "skipped" });
  }
  onChange();
}
