import { hex, utf8 } from "./encoding.js";
import { signEnvelope } from "./dsse.js";
import { hashBlob, sha256Hex } from "./hashing.js";

/**
 * The capture statement, docs/formats.md §3: what the device says it saw, and the digests of what it kept.
 *
 * @typedef {{role: string, name: string, mediaType: string, blob: Blob}} Artifact
 * @typedef {{role: string, name: string, mediaType: string, sha256: string, sizeBytes: number}} ArtifactFacts
 * @typedef {{nonce: string, origin: string, checkpoint: {treeSize: number, sha256: string} | null, timestamps: {tsa: string, sha256: string}[],
 *   clock: {offsetMs: number, roundTripMs: number, measuredAt: string}}} Challenge
 * @typedef {{url: string, finalUrl: string, title: string, capturedAt: string, timeZone: string, language: string, userAgent: string,
 *   viewport: {width: number, height: number, scrollX: number, scrollY: number, devicePixelRatio: number,
 *   shotBy: "captureVisibleTab" | "debugger" | "captureTab"}}} PageFacts
 * @typedef {{captured: number, omitted: number, failedSteps: string[]}} PageinfoSummary
 * @typedef {{case: string | null, note: string, labels: string[], labelObservations?: import("../queue/observations.js").LabelObservation[],
 *   masks?: import("../queue/observations.js").Mask[]}} Form what the person wrote, looked for and marked
 * @typedef {{page: PageFacts, mode: "as_seen" | "recorded" | "reloaded", method: string, pageinfo: PageinfoSummary,
 *   secrets: {kept: boolean, removed: number}, form: Form, challenge: Challenge | null, extension: {version: string, build: string},
 *   post?: import("../capture/platforms/types.js").PostMetadata | null | undefined, artifacts: ArtifactFacts[], salt: string, trigger?: Trigger | undefined, selection?: import("../capture/types.js").Selection | null | undefined}} StatementFacts
 * @typedef {"click" | "image" | "region" | "list" | "site_list"} Trigger what began the capture: the last two without a person looking on
 * @typedef {{captureId: string, envelope: string, keyId: string}} SealedStatement
 */

const MAX_TEXT = { url: 8192, title: 2000, note: 10000, case: 200, label: 100, userAgent: 1000, step: 200 };
const MAX_LABELS = 50;
const SALT_BYTES = 16;

/** @param {Artifact} artifact @returns {Promise<ArtifactFacts>} */
export async function measureArtifact({ role, name, mediaType, blob }) {
  return { role, name, mediaType, sha256: await hashBlob(blob), sizeBytes: blob.size };
}

/** @returns {string} 32 hex digits: without it, equal pages of equal captures could be guessed from the digest in a public log */
export function makeSalt() {
  return hex(crypto.getRandomValues(new Uint8Array(SALT_BYTES)));
}

/**
 * @param {StatementFacts} facts
 * @returns {import("./encoding.js").Bytes} the DSSE payload: UTF-8 JSON, members in the order of formats.md. Text is cut to its limit, NUL and
 *   lone surrogates become U+FFFD: PostgreSQL and UTF-8 can hold neither, and the page's true text is in the archive.
 */
export function buildStatement(facts) {
  const { page, challenge, form } = facts;
  return utf8(JSON.stringify({
    _type: "https://in-toto.io/Statement/v1",
    subject: facts.artifacts.map(({ name, sha256, role, mediaType, sizeBytes }) => (
      { name, digest: { sha256 }, annotations: { role, mediaType, sizeBytes } })),
    predicateType: "https://holdstill.local/capture/v1",
    predicate: {
      url: clean(page.url, MAX_TEXT.url), finalUrl: clean(page.finalUrl, MAX_TEXT.url), title: clean(page.title, MAX_TEXT.title),
      capturedAt: page.capturedAt,
      clock: challenge && challenge.clock,
      timeZone: page.timeZone, language: page.language,
      mode: facts.mode, method: facts.method,
      viewport: page.viewport,
      userAgent: clean(page.userAgent, MAX_TEXT.userAgent), extension: facts.extension,
      pageinfo: { ...facts.pageinfo, failedSteps: facts.pageinfo.failedSteps.map((step) => clean(step, MAX_TEXT.step)) },
      secrets: facts.secrets,
      case: form.case === null ? null : clean(form.case, MAX_TEXT.case),
      note: clean(form.note, MAX_TEXT.note), labels: form.labels.slice(0, MAX_LABELS).map((label) => clean(label, MAX_TEXT.label)),
      ...(facts.trigger && { trigger: facts.trigger }), ...(facts.selection && { selection: cleanSelection(facts.selection) }),
      ...(facts.post && { post: cleanAll(facts.post) }),
      ...(form.labelObservations?.length && { labelObservations: form.labelObservations }), ...(form.masks?.length && { masks: form.masks }),
      notBefore: challenge && challenge.checkpoint && {
        origin: challenge.origin, treeSize: challenge.checkpoint.treeSize, checkpointSha256: challenge.checkpoint.sha256,
        timestamps: challenge.timestamps.map(({ tsa, sha256 }) => ({ tsa, sha256 })),
      },
      nonce: challenge && challenge.nonce, salt: facts.salt,
    },
  }));
}

/**
 * @param {import("./keys.js").DeviceKey} key @param {import("./encoding.js").Bytes} payload
 * @returns {Promise<SealedStatement>} `captureId` is the SHA-256 of the payload bytes, so signing anew with another key keeps it
 */
export async function signStatement(key, payload) {
  return { captureId: sha256Hex(payload), envelope: await signEnvelope(key, payload), keyId: key.keyId };
}

/** @param {import("../capture/types.js").Selection} selection */
function cleanSelection(selection) {
  if (selection.kind === "region") return selection;
  const { srcUrl, frameUrl, reason } = selection;
  return { ...selection, srcUrl: clean(srcUrl, MAX_TEXT.url), frameUrl: clean(frameUrl, MAX_TEXT.url), reason: clean(reason, MAX_TEXT.step) };
}

/** @param {unknown} value of JSON @returns {unknown} the same, every text clean; lengths are the platform modules' to bound */
function cleanAll(value) {
  if (typeof value === "string") return clean(value, Infinity);
  if (Array.isArray(value)) return value.map(cleanAll);
  return value === null || typeof value !== "object" ? value : Object.fromEntries(Object.entries(value).map(([name, part]) => [name, cleanAll(part)]));
}

/** @param {string} text @param {number} limit in characters (UTF-16 units) */
function clean(text, limit) {
  return text.slice(0, limit).toWellFormed().replaceAll("\0", "\uFFFD");
}
