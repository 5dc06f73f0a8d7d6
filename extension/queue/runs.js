/**
 * A run: one capture between the click and the queue. Shown in the popup, kept in `chrome.storage.session` because the popup may close and
 * the worker may die; the lock `holdstill-tab-<tabId>` is what tells a live run from one whose worker died.
 *
 * `run:<tabId>` is written by the worker only; `form:<runId>` by the popup only, but for what it held at the start.
 * @typedef {"shot" | "collecting" | "waiting" | "sealing" | "queued" | "discarded" | "failed"} Phase
 * @typedef {object} Run
 * @property {string} runId
 * @property {number} tabId
 * @property {string} startedAt RFC 3339
 * @property {Phase} phase
 * @property {string} url
 * @property {string} title
 * @property {{name: string, done: number, total: number} | null} step
 * @property {{captured: number, omitted: number, failedSteps: string[]} | null} pageinfo
 * @property {string | null} captureId
 * @property {string | null} error code of _locales (error_<code>)
 *
 * @typedef {{case: string, note: string, labels: string, typingUntil: number, discarded: boolean}} Draft `typingUntil`: milliseconds since 1970
 * @typedef {{get(key: string): Promise<Record<string, any>>, set(items: Record<string, any>): Promise<void>, remove(key: string): Promise<void>}} Area
 */

export const TYPING_MS = 2_500;
/** Ended runs that the popup can still show, and under which key their tabs stand, oldest first. */
const KEPT_RUNS = 5;
const ENDED_KEY = "runs.ended";
const ENDED = new Set(["queued", "discarded", "failed"]);

/** @param {number} tabId */
export function lockName(tabId) {
  return `holdstill-tab-${tabId}`;
}

export class Runs {
  /** @param {Area} area chrome.storage.session */
  constructor(area) {
    this.area = area;
  }

  /** @param {number} tabId @returns {Promise<Run | undefined>} */
  async read(tabId) {
    return (await this.area.get(runKey(tabId)))[runKey(tabId)];
  }

  /** @param {Run} run */
  async save(run) {
    await this.#show({ [runKey(run.tabId)]: run });
    if (!ENDED.has(run.phase)) return;
    const former = /** @type {number[]} */ ((await this.area.get(ENDED_KEY).catch(() => /** @type {Record<string, any>} */ ({})))[ENDED_KEY] ?? []);
    const ended = [...former.filter((tabId) => tabId !== run.tabId), run.tabId];
    for (const tabId of ended.slice(0, -KEPT_RUNS)) await this.area.remove(runKey(tabId)).catch(() => undefined);
    await this.#show({ [ENDED_KEY]: ended.slice(-KEPT_RUNS) });
  }

  /** What is only shown never ends a capture: the area may be full, and the queue is what counts. @param {Record<string, any>} items */
  async #show(items) {
    await this.area.set(items).catch(() => undefined);
  }

  /** @param {string} runId @returns {Promise<Draft | undefined>} */
  async readDraft(runId) {
    return (await this.area.get(draftKey(runId)))[draftKey(runId)];
  }

  /** @param {string} runId @param {Draft} draft */
  async saveDraft(runId, draft) {
    await this.#show({ [draftKey(runId)]: draft });
  }

  /** @param {string} runId */
  async removeDraft(runId) {
    await this.area.remove(draftKey(runId)).catch(() => undefined);
  }
}

/** @param {number} tabId */
export function runKey(tabId) {
  return `run:${tabId}`;
}

/** @param {string} runId */
export function draftKey(runId) {
  return `form:${runId}`;
}

/**
 * What the person wrote, as the statement has it.
 * @param {Draft | undefined} draft @param {string | null} defaultCase @returns {import("../seal/statement.js").Form} labels: split at commas
 */
export function toForm(draft, defaultCase) {
  if (draft === undefined) return { case: defaultCase, note: "", labels: [] };
  const labels = draft.labels.split(",").map((label) => label.trim()).filter((label) => label !== "");
  return { case: draft.case.trim() || null, note: draft.note.trim(), labels: [...new Set(labels)] };
}
