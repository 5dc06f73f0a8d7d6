/**
 * What the popup says about a run, as pure functions of the run and its queued capture.
 * @typedef {import("../queue/runs.js").Run} Run
 * @typedef {import("../queue/reducer.js").Item} Item
 * @typedef {"done" | "now" | "todo" | "failed"} StepState
 */

const ORDER = /** @type {const} */ (["shot", "collect", "seal", "commit", "deliver"]);
const LIVE = ["shot", "recording", "collecting", "waiting", "sealing"];

/** @param {Run} run */
export function isLive(run) {
  return LIVE.includes(run.phase);
}

/**
 * @param {Run} run @param {Item | undefined} item @param {boolean} isDead the worker of a live run is gone
 * @returns {{name: typeof ORDER[number], state: StepState}[]} in the order they happen
 */
export function stepsOf(run, item, isDead = false) {
  const at = currentStep(run, item);
  const isWaiting = item !== undefined && (item.state === "queued" || item.retryAt !== null);
  const here = isDead || run.phase === "failed" || item?.state === "failed" ? "failed" : isWaiting ? "todo" : "now";
  return ORDER.map((name, index) => ({ name, state: index < at ? "done" : index > at ? "todo" : here }));
}

/** @param {Run} run @param {Item | undefined} item @returns {number} index of the step under way; 5 when all are done */
function currentStep(run, item) {
  if (item) return item.sealed !== null ? 5 : item.committed !== null ? 4 : 3;
  if (run.phase === "shot") return 0;
  if (run.phase === "recording" || run.phase === "collecting" || run.phase === "waiting") return 1;
  if (run.phase === "sealing") return 2;
  if (run.phase === "queued") return 3;
  return run.error === "page_refused" ? 0 : run.pageinfo === null ? 1 : 2; // failed or discarded: how far it came
}

/**
 * The one line that says how it stands, a code of _locales (status_<code>).
 * @param {{run: Run | undefined, item: Item | undefined, isStarted: boolean, isDead: boolean, isDiscarded: boolean, fault: string | null}} seen
 * @returns {string}
 */
export function statusOf({ run, item, isStarted, isDead, isDiscarded, fault }) {
  if (fault !== null && run === undefined) return "failed";
  if (run === undefined) return isStarted ? "shot" : "ready";
  if (isDead) return "interrupted";
  if (isDiscarded && isLive(run)) return "discarding";
  return item?.state === "sealed" ? "delivered" : run.phase;
}

/**
 * The state of a queued capture as the list shows it (DESIGN.md §5: queued, uploading, sealed, failed).
 * @param {Item} item @returns {"queued" | "uploading" | "sealed" | "failed"}
 */
export function shownState(item) {
  if (item.state === "committing") return item.retryAt === null ? "uploading" : "queued";
  return item.state;
}

/** @param {Item} item @returns {{sentBytes: number, sizeBytes: number}} of its artifacts */
export function sentOf(item) {
  const missing = new Set(item.missing);
  let sentBytes = 0;
  let sizeBytes = 0;
  for (const { sha256, sizeBytes: size } of item.artifacts) {
    sizeBytes += size;
    if (!missing.has(sha256)) sentBytes += size;
    else sentBytes += item.uploads[sha256]?.sentBytes ?? 0;
  }
  return { sentBytes, sizeBytes };
}
