/**
 * A batch: a list of addresses that are captured one after another. Pure functions: no clock, no storage, no browser.
 *
 *   entry: waiting ──began──▶ working ──ended──▶ captured | failed        batch: running ⇄ paused; stopped and finished are final
 *             └──────stopped──▶ skipped
 *
 * @typedef {"running" | "paused" | "stopped" | "finished"} BatchState
 * @typedef {{delayMs: number, jitterMs: number, hostDelayMs: number}} Pacing
 * @typedef {object} Batch
 * @property {string} id
 * @property {string} createdAt RFC 3339
 * @property {BatchState} state
 * @property {Pacing} pacing
 * @property {{case: string, note: string, labels: string}} form the same for every capture
 * @property {number} nextAt      milliseconds since 1970: no entry begins before
 * @property {Record<string, number>} hostNextAt the same for each host
 *
 * @typedef {object} Entry
 * @property {string} batchId
 * @property {number} index
 * @property {string} url
 * @property {number} line in the list it came from
 * @property {"waiting" | "working" | "captured" | "failed" | "skipped"} state
 * @property {number} attempts
 * @property {string | null} startedAt RFC 3339
 * @property {string | null} endedAt
 * @property {string | null} reason a code of _locales (batch_reason_<code>)
 * @property {string | null} detail what the browser said, for the table
 * @property {number | null} status HTTP status of the page; null: not known
 * @property {string | null} captureId
 *
 * @typedef {{state: "captured", captureId: string, status: number | null} | {state: "failed", reason: string, detail: string, status: number | null}} Outcome
 */

export const MAX_ATTEMPTS = 3;
/** @type {Pacing} */
export const DEFAULT_PACING = { delayMs: 5000, jitterMs: 2000, hostDelayMs: 5000 };

/**
 * @param {{id: string, now: Date, urls: import("./list.js").ListEntry[], pacing: Pacing, form: Batch["form"]}} wish
 * @returns {{batch: Batch, entries: Entry[]}}
 */
export function newBatch({ id, now, urls, pacing, form }) {
  return {
    batch: { id, createdAt: now.toISOString(), state: "running", pacing, form, nextAt: 0, hostNextAt: {} },
    entries: urls.map(({ url, line }, index) => ({ batchId: id, index, url, line, state: "waiting", attempts: 0, startedAt: null, endedAt: null, reason: null,
      detail: null, status: null, captureId: null })),
  };
}

/**
 * @param {Batch} batch @param {Entry[]} entries @param {number} now milliseconds
 * @returns {{entry: Entry} | {waitMs: number} | null} what comes next; null: nothing, now or later, unless the person says so
 */
export function nextStep(batch, entries, now) {
  if (batch.state !== "running") return null;
  const waiting = entries.filter(({ state }) => state === "waiting");
  if (waiting.length === 0) return null;
  const dueAt = (/** @type {Entry} */ { url }) => Math.max(batch.nextAt, batch.hostNextAt[new URL(url).host] ?? 0);
  const entry = waiting.find((one) => dueAt(one) <= now);
  return entry ? { entry } : { waitMs: Math.min(...waiting.map(dueAt)) - now };
}

/**
 * @param {Batch} batch @param {Entry} entry @param {Date} now @param {number} random 0 ≤ random < 1
 * @returns {{batch: Batch, entry: Entry}} the next pause counts from here
 */
export function begin(batch, entry, now, random) {
  const at = now.getTime();
  const { delayMs, jitterMs, hostDelayMs } = batch.pacing;
  const jitter = Math.round(random * jitterMs);
  const still = Object.entries(batch.hostNextAt).filter(([, until]) => until > at);
  return {
    batch: { ...batch, nextAt: at + delayMs + jitter, hostNextAt: { ...Object.fromEntries(still), [new URL(entry.url).host]: at + hostDelayMs + jitter } },
    entry: { ...entry, state: "working", attempts: entry.attempts + 1, startedAt: now.toISOString() },
  };
}

/** @param {Entry} entry @param {Outcome} outcome @param {Date} now @returns {Entry} */
export function end(entry, outcome, now) {
  if (entry.state !== "working") return entry;
  const ended = { ...entry, state: outcome.state, endedAt: now.toISOString(), status: outcome.status };
  return outcome.state === "captured" ? { ...ended, captureId: outcome.captureId, reason: null, detail: null } : { ...ended, reason: outcome.reason, detail: outcome.detail };
}

/**
 * What became of an entry whose worker died on it: captured after all, to be done again, or given up because it kills the browser each time.
 * @param {Entry} entry @param {string | null} captureId of the capture made for it, if there is one @param {Date} now @returns {Entry}
 */
export function recover(entry, captureId, now) {
  if (entry.state !== "working") return entry;
  if (captureId !== null) return end(entry, { state: "captured", captureId, status: entry.status }, now);
  if (entry.attempts >= MAX_ATTEMPTS) return end(entry, { state: "failed", reason: "interrupted", detail: "", status: null }, now);
  return { ...entry, state: "waiting" };
}

/** @param {Batch} batch @param {"pause" | "resume" | "stop" | "finish"} command @returns {Batch} unchanged when it does not fit */
export function command(batch, command) {
  const next = { pause: { running: "paused" }, resume: { paused: "running" }, stop: { running: "stopped", paused: "stopped" }, finish: { running: "finished" } }[command];
  const state = /** @type {BatchState | undefined} */ (/** @type {Record<string, string>} */ (next)[batch.state]);
  return state === undefined ? batch : { ...batch, state };
}

/** @param {string} batchId @param {number} index @returns {string} the `ref` of the capture made for an entry */
export function refOf(batchId, index) {
  return `batch:${batchId}:${index}`;
}
