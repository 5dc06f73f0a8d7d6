/**
 * The life of a queued capture, as a pure function: no clock, no storage, no network.
 *
 *   queued ──started──▶ committing ──committed──▶ uploading ──sealed──▶ sealed
 *      └─discarded─▶ (gone)   │                       │
 *                             └──────refused──────────┴──▶ failed ──retried──▶ back to the step that failed
 *
 * `interrupted` (no connection, a busy service) keeps the state and sets `retryAt`. An event that does not fit the state changes nothing:
 * a worker that died after its request and a second one that repeats it must end at the same place.
 *
 * @typedef {import("../seal/events.js").Proof & {time: string, index: number, treeSize: number}} VerifiedProof receipt and event as received, verified
 * @typedef {"queued" | "committing" | "uploading" | "sealed" | "failed"} State
 * @typedef {{serverUrl: string, origin: string, logVkey: string, serviceVkey: string}} Service the keys this capture is verified against, for ever
 * @typedef {{envelope: string, keyId: string}} Signed the statement in one signature
 * @typedef {object} Item
 * @property {string} captureId
 * @property {string} createdAt RFC 3339
 * @property {{url: string, title: string}} page for the list only; the statement is what counts
 * @property {string} envelope exact text of statement.dsse.json
 * @property {string} keyId of the device key that signed it
 * @property {Signed[]} [former] what other keys signed before, oldest first: the service may hold one of them, its answer lost
 * @property {import("../seal/statement.js").ArtifactFacts[]} artifacts
 * @property {Service | null} service null while no service is paired
 * @property {State} state
 * @property {"committing" | "uploading"} resume where a failed capture goes on
 * @property {string[]} missing SHA-256 of the artifacts the service does not have yet; meaningful from `uploading` on
 * @property {Record<string, {path: string, sentBytes: number}>} uploads open tus uploads by SHA-256
 * @property {number} attempts failures in a row
 * @property {number | null} retryAt milliseconds since 1970: not before
 * @property {string | null} reason a code of _locales (reason_<code>), never page content
 * @property {VerifiedProof | null} committed
 * @property {VerifiedProof | null} sealed
 * @property {string} [ref] whose capture it is, for what asked for it (a batch's entry)
 *
 * @typedef {{type: "started", service: Service}
 *   | {type: "resigned", envelope: string, keyId: string}
 *   | {type: "committed", proof: VerifiedProof, missing: string[], signed?: Signed}
 *   | {type: "taken"}
 *   | {type: "upload_opened", sha256: string, path: string}
 *   | {type: "upload_lost", sha256: string}
 *   | {type: "chunk_sent", sha256: string, sentBytes: number}
 *   | {type: "uploaded", sha256: string}
 *   | {type: "found_missing", missing: string[]}
 *   | {type: "sealed", proof: VerifiedProof}
 *   | {type: "interrupted", reason: string, at: number}
 *   | {type: "refused", reason: string, retryAt: number | null}
 *   | {type: "retried"}
 *   | {type: "discarded"}} Event
 */

const FIRST_DELAY_MS = 2_000;
const LONGEST_DELAY_MS = 15 * 60_000;

/** @param {number} attempts failures so far, from 1 @returns {number} milliseconds: 2 s, 4 s, 8 s … 15 min */
export function backoffMs(attempts) {
  return Math.min(FIRST_DELAY_MS * 2 ** Math.min(attempts - 1, 20), LONGEST_DELAY_MS);
}

/**
 * @param {Pick<Item, "captureId" | "createdAt" | "page" | "envelope" | "keyId" | "artifacts" | "service" | "ref">} sealed
 * @returns {Item} as it is first stored
 */
export function queueItem(sealed) {
  return {
    ...sealed, state: "queued", resume: "committing", missing: [], uploads: {}, attempts: 0, retryAt: null, reason: null, committed: null, sealed: null,
  };
}

/** @param {Item} item @param {Event} event @returns {Item | null} the item itself when the event does not fit its state; null: discarded */
export function reduce(item, event) {
  switch (event.type) {
    case "started":
      return item.state === "queued" ? { ...item, state: "committing", service: event.service } : item;
    case "resigned":
      return item.committed === null && item.envelope !== event.envelope ? { ...item, envelope: event.envelope, keyId: event.keyId, former: [...(item.former ?? []), signedOf(item)] } : item;
    case "taken":
      return reduceTaken(item);
    case "committed":
      return item.state === "committing" ? { ...settled(item), state: "uploading", resume: "uploading", ...(event.signed ?? {}), committed: event.proof, missing: known(item, event.missing) } : item;
    case "found_missing":
      return item.state === "uploading" ? { ...item, missing: known(item, event.missing) } : item;
    case "sealed":
      return item.state === "uploading" ? { ...settled(item), state: "sealed", missing: [], uploads: {}, sealed: event.proof } : item;
    case "interrupted":
      return reduceInterrupted(item, event);
    case "refused":
      return isOpen(item) ? { ...item, state: "failed", attempts: item.attempts + 1, reason: event.reason, retryAt: event.retryAt } : item;
    case "retried":
      return item.state === "failed" ? { ...settled(item), state: item.resume } : { ...item, retryAt: null };
    case "discarded":
      return item.state === "queued" ? null : item;
    default:
      return reduceUpload(item, event);
  }
}

/** @param {Item} item @param {Extract<Event, {sha256: string}>} event @returns {Item} */
function reduceUpload(item, event) {
  if (item.state !== "uploading") return item;
  const { [event.sha256]: open, ...others } = item.uploads;
  switch (event.type) {
    case "upload_opened":
      return { ...item, uploads: { ...others, [event.sha256]: { path: event.path, sentBytes: 0 } } };
    case "upload_lost":
      return { ...item, uploads: others };
    case "chunk_sent":
      return open ? { ...settled(item), uploads: { ...others, [event.sha256]: { ...open, sentBytes: event.sentBytes } } } : item;
    case "uploaded":
      return { ...settled(item), uploads: others, missing: item.missing.filter((sha256) => sha256 !== event.sha256) };
  }
}

/** The service holds another signature of this statement: the first one, which it was sent, counts again. @param {Item} item @returns {Item} */
function reduceTaken(item) {
  const [first] = item.former ?? [];
  return first === undefined || item.committed !== null ? item : { ...item, ...first, former: [] };
}

/** @param {Item} item @returns {Signed} */
function signedOf({ envelope, keyId }) {
  return { envelope, keyId };
}

/** @param {Item} item @param {Extract<Event, {type: "interrupted"}>} event @returns {Item} */
function reduceInterrupted(item, event) {
  if (!isOpen(item)) return item;
  const attempts = item.attempts + 1;
  return { ...item, attempts, reason: event.reason, retryAt: event.at + backoffMs(attempts) };
}

/** @param {Item} item @returns {boolean} work is left that needs no person */
export function isOpen(item) {
  return item.state === "queued" || item.state === "committing" || item.state === "uploading";
}

/** @param {Item} item @param {number} now milliseconds @returns {boolean} */
export function isDue(item, now) {
  return (isOpen(item) || item.state === "failed") && (item.retryAt === null ? isOpen(item) : item.retryAt <= now);
}

/** @param {Item} item @returns {boolean} the queue has to come back to it by itself, now or later */
export function hasWork(item) {
  return isOpen(item) || (item.state === "failed" && item.retryAt !== null);
}

/**
 * @param {{origin: string, revokedAt: string | null} | undefined} pairing @param {Item[]} items
 * @returns {boolean} the service has said that it takes nothing from this browser or its person, and has not taken anything since
 */
export function isShutOut(pairing, items) {
  return pairing !== undefined && (pairing.revokedAt !== null || items.some(({ state, reason, service }) => state === "failed" && reason === "not_allowed" && service?.origin === pairing.origin));
}

/** @param {Item} item @returns {Item} */
function settled(item) {
  return { ...item, attempts: 0, retryAt: null, reason: null };
}

/** @param {Item} item @param {string[]} missing @returns {string[]} only what the statement names, each once, in its order */
function known(item, missing) {
  const asked = new Set(missing);
  return [...new Set(item.artifacts.map((artifact) => artifact.sha256))].filter((sha256) => asked.has(sha256));
}
