import { cleanMasks, cleanObservations } from "./observations.js";

/**
 * A run: one capture between the click and the queue. Shown in the popup, kept in `chrome.storage.session` because the popup may close and
 * the worker may die; the lock `holdstill-tab-<tabId>` is what tells a live run from one whose worker died.
 *
 * `run:<tabId>` is written by the worker only; `form:<runId>` by the popup only, but for what it held at the start.
 * @typedef {"shot" | "recording" | "collecting" | "waiting" | "sealing" | "queued" | "discarded" | "failed"} Phase
 * @typedef {object} Run
 * @property {string} runId
 * @property {number} tabId
 * @property {string} startedAt RFC 3339
 * @property {Phase} phase
 * @property {string} url
 * @property {string} title
 * @property {{name: string, done: number, total: number} | null} step
 * @property {{captured: number, omitted: number, failedSteps: string[]} | null} pageinfo
 * @property {PostSummary | null} [post] what the page says of its post
 * @property {string | null} captureId
 * @property {string | null} error code of _locales (error_<code>)
 *
 * @typedef {{case: string, note: string, labels: string, typingUntil: number, discarded: boolean,
 *   labelObservations?: import("./observations.js").LabelObservation[], masks?: Omit<import("./observations.js").Mask, "artifact">[]}} Draft
 *   `typingUntil`: milliseconds since 1970; while a part of the form is held open it is moved on and on
 * @typedef {Pick<import("../capture/platforms/types.js").PostMetadata, "platform" | "accountHandle" | "accountName" | "postId" | "postedAt" | "claims">} PostSummary
 * @typedef {{dataUrl: string, width: number, height: number}} Preview a small copy of the viewport shot to mark regions on; sizes: CSS pixels of the viewport
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

/** @param {number} tabId of the lock that a page has while its form about this tab stands open */
export function formLockName(tabId) {
  return `holdstill-form-${tabId}`;
}

/**
 * @param {number} tabId @param {Pick<LockManager, "query">} [locks]
 * @returns {Promise<boolean>} a worker captures this tab; true also when the browser does not tell: no worker is called dead on a guess
 */
export async function isHeld(tabId, locks = navigator.locks) {
  const found = await locks.query().catch(() => null);
  return found === null || (found.held ?? []).some(({ name }) => name === lockName(tabId));
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

  /** @param {string} runId @returns {Promise<Preview | null | undefined>} null: there will be none; undefined: it may still come */
  async readPreview(runId) {
    return (await this.area.get(previewKey(runId)))[previewKey(runId)];
  }

  /** @param {string} runId @param {Preview | null} preview null: it could not be made. One that finds no room is none either, and whoever waits for it is told */
  async savePreview(runId, preview) {
    await this.area.set({ [previewKey(runId)]: preview }).catch(() => this.#show({ [previewKey(runId)]: null }));
  }

  /** Of a run that has ended: its draft and preview. @param {string} runId */
  async removeDraft(runId) {
    for (const key of [draftKey(runId), previewKey(runId)]) await this.area.remove(key).catch(() => undefined);
  }
}

/** @param {number} tabId */
export function runKey(tabId) {
  return `run:${tabId}`;
}

/** @param {number} tabId where the recording of a tab stands (capture/recorded/types.js, RecordingFacts) */
export function recordingKey(tabId) {
  return `recording:${tabId}`;
}

/** @param {string} runId */
export function draftKey(runId) {
  return `form:${runId}`;
}

/** @param {string} runId */
function previewKey(runId) {
  return `preview:${runId}`;
}

/** @param {import("../capture/platforms/types.js").PostMetadata | null | undefined} post @returns {PostSummary | null} what the popup shows of it */
export function summarisePost(post) {
  if (!post) return null;
  const { platform, accountHandle, accountName, postId, postedAt, claims } = post;
  return { platform, accountHandle, accountName, postId, postedAt: postedAt.slice(0, 1), claims: claims.filter(({ state }) => state !== "not_checked").slice(0, 20) };
}

/**
 * What the person wrote, as the statement has it.
 * @param {Draft | undefined} draft @param {string | null} defaultCase @returns {import("../seal/statement.js").Form} labels: split at commas
 */
export function toForm(draft, defaultCase) {
  if (draft === undefined) return { case: defaultCase, note: "", labels: [] };
  const labels = draft.labels.split(",").map((label) => label.trim()).filter((label) => label !== "");
  return {
    case: draft.case.trim() || null, note: draft.note.trim(), labels: [...new Set(labels)],
    labelObservations: cleanObservations(draft.labelObservations), masks: cleanMasks(draft.masks),
  };
}
