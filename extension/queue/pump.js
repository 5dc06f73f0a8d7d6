import { parseEnvelope } from "../seal/dsse.js";
import { SealError } from "../seal/errors.js";
import { verifyProof } from "../seal/events.js";
import { hashBlob } from "../seal/hashing.js";
import { signStatement } from "../seal/statement.js";
import { Problem, ServiceClient, Unreachable } from "./client.js";
import { isDue, reduce } from "./reducer.js";
import { openUpload, resumeUpload } from "./tus.js";

/**
 * Carries queued captures to the service: commit, missing artifacts, seal; both receipts verified before the state moves.
 *
 * Nothing is remembered between two steps but what the store holds, so a killed worker, a lost answer and a second pump all end at
 * the same place. Two lanes, each with one worker at a time (navigator.locks): commits are kilobytes and fix the time, so they never wait
 * behind another capture's upload.
 *
 * @typedef {import("./reducer.js").Item} Item
 * @typedef {import("./reducer.js").Event} Event
 * @typedef {{store: import("./store.js").Store, fetch?: import("./client.js").Fetch, now?: () => number,
 *   locks?: Pick<LockManager, "request">, onChange?: (captureId: string) => void}} Environment `now`: milliseconds since 1970
 * @typedef {"commit" | "upload"} Lane
 */

const PUT_LIMIT_BYTES = 16 << 20;
const PUTS_AT_ONCE = 3;
const DOUBT_DELAY_MS = 60 * 60_000;
/** Answers that may be different tomorrow although the request is the same. */
const PASSING_STATUS = new Set([404, 408, 409, 410, 423, 425, 429]);
/** Conflicts that no repeating ends. */
const FINAL_CODES = new Set(["statement_taken", "nonce_used"]);

/** @param {Environment} environment @param {{patient?: boolean}} [options] not patient: leave a busy lane to the one that works it */
export async function pump(environment, { patient = true } = {}) {
  const { store, now = Date.now } = environment;
  const pairing = await store.readPairing();
  if (!pairing || pairing.revokedAt !== null) return;
  const work = { ...environment, now, pairing };
  await inLane("commit", work, patient, commitItem);
  await inLane("upload", work, patient, uploadItem);
}

/** @param {Item} item @returns {Lane | null} */
function laneOf(item) {
  const state = item.state === "failed" ? item.resume : item.state;
  if (state === "queued" || state === "committing") return "commit";
  return state === "uploading" ? "upload" : null;
}

/**
 * @typedef {Environment & {now: () => number, pairing: import("./store.js").Pairing}} Work
 * @param {Lane} lane @param {Work} work @param {boolean} patient @param {(item: Item, work: Work) => Promise<void>} step
 */
async function inLane(lane, work, patient, step) {
  const locks = work.locks ?? navigator.locks;
  await locks.request(`holdstill-${lane}`, { ifAvailable: !patient }, async (lock) => {
    if (lock === null) return;
    for (let item = await nextItem(lane, work); item; item = await nextItem(lane, work)) {
      try {
        await step(item, work);
      } catch (error) {
        const event = await toEvent(error, item, work);
        await record(item.captureId, event ?? { type: "refused", reason: "internal", retryAt: work.now() + DOUBT_DELAY_MS }, work);
        if (event === null) throw error; // a fault of this program: set aside so that it blocks no other capture, and not swallowed
      }
    }
  });
}

/** @param {Lane} lane @param {Work} work @returns {Promise<Item | undefined>} the oldest that is due, for the paired service */
async function nextItem(lane, { store, now, pairing }) {
  const current = await store.readPairing();
  if (!current || current.token !== pairing.token || current.revokedAt !== null) return undefined;
  const items = await store.listItems();
  return items.find((item) => laneOf(item) === lane && isDue(item, now()) && (item.service === null || item.service.origin === pairing.origin));
}

/** @param {Item} item @param {Work} work */
async function commitItem(item, work) {
  if (item.state === "failed") await record(item.captureId, { type: "retried" }, work);
  const { serverUrl, origin, logVkey, serviceVkey } = work.pairing;
  // From here the request may be on its way: no discard any more. The pins at this moment are the ones this capture is held to.
  const started = await record(item.captureId, { type: "started", service: { serverUrl, origin, logVkey, serviceVkey } }, work);
  if (started === null) return;
  const current = await signedByPairedKey(started, work);
  const answer = await clientFor(work).commit(current.envelope);
  if (answer.captureId !== current.captureId) throw new SealError("answer", "is about another capture");
  const { proof, signed } = await verifiedCommit(current, answer.proof);
  await record(item.captureId, { type: "committed", proof, missing: answer.missing, signed }, work);
}

/** @param {Item} item @param {Work} work */
async function uploadItem(item, work) {
  const retried = item.state === "failed" ? await record(item.captureId, { type: "retried" }, work) : item;
  if (!retried || retried.state !== "uploading") return;
  const small = retried.missing.filter((sha256) => sizeOf(retried, sha256) <= PUT_LIMIT_BYTES).slice(0, PUTS_AT_ONCE);
  const [large] = retried.missing;
  if (small.length > 0) await allOrFirstError(small.map((sha256) => putArtifact(retried, sha256, work)));
  else if (large !== undefined) await uploadLarge(retried, large, work);
  else await sealItem(retried, work);
}

/** Ends when all have ended, so that no request of a failed step goes on behind the next one. @param {Promise<void>[]} tasks */
async function allOrFirstError(tasks) {
  for (const outcome of await Promise.allSettled(tasks)) if (outcome.status === "rejected") throw outcome.reason;
}

/** @param {Item} item @param {string} sha256 @returns {number} bytes */
function sizeOf(item, sha256) {
  return item.artifacts.find((artifact) => artifact.sha256 === sha256)?.sizeBytes ?? 0;
}

/** @param {Item} item @param {Work} work */
async function sealItem(item, work) {
  try {
    const proof = await verified(item, "capture.sealed", await clientFor(work).seal(item.captureId));
    await record(item.captureId, { type: "sealed", proof }, work);
  } catch (error) {
    if (!(error instanceof Problem && error.code === "artifacts_missing" && error.missing.length > 0)) throw error;
    await record(item.captureId, { type: "found_missing", missing: error.missing }, work);
    throw error; // counted as an interruption: a service that loses every upload must not be asked in a tight loop
  }
}

/** @param {Item} item @param {string} sha256 @param {Work} work */
async function putArtifact(item, sha256, work) {
  await clientFor(work).putArtifact(item.captureId, sha256, await payloadOf(item, sha256, work));
  await record(item.captureId, { type: "uploaded", sha256 }, work);
}

/** @param {Item} item @param {string} sha256 @param {Work} work */
async function uploadLarge(item, sha256, work) {
  const client = clientFor(work);
  const blob = await payloadOf(item, sha256, work);
  let path = item.uploads[sha256]?.path;
  if (path === undefined) {
    path = await openUpload(client, item.captureId, sha256, blob.size);
    await record(item.captureId, { type: "upload_opened", sha256, path }, work);
  }
  try {
    await resumeUpload(client, { path, blob }, async (sentBytes) => {
      await record(item.captureId, { type: "chunk_sent", sha256, sentBytes }, work);
    });
  } catch (error) {
    if (error instanceof Problem) await record(item.captureId, { type: "upload_lost", sha256 }, work); // never go on with an upload the service refused
    // An answer to HEAD has no body that says why. Opening an upload is refused for the same reason, in words.
    if (error instanceof Problem && error.status === 403 && error.code === "unknown") await openUpload(client, item.captureId, sha256, blob.size);
    throw error;
  }
  await record(item.captureId, { type: "uploaded", sha256 }, work);
}

/** @param {Item} item @param {string} sha256 @param {Work} work @returns {Promise<Blob>} of the size the statement names @throws {LocalDamage} */
async function payloadOf(item, sha256, work) {
  const blob = await work.store.readPayload(item.captureId, sha256);
  if (blob === undefined || blob.size !== sizeOf(item, sha256)) throw new LocalDamage();
  return blob;
}

/** The browser no longer holds the bytes the statement names. */
class LocalDamage extends Error {}

/** @param {Item} item @param {"capture.committed" | "capture.sealed"} type @param {import("../seal/events.js").Proof} proof */
async function verified(item, type, proof) {
  const service = /** @type {import("./reducer.js").Service} */ (item.service);
  const { captureId, keyId: deviceKeyId, artifacts } = item;
  return { ...proof, ...(await verifyProof(proof, type, { captureId, statement: item.envelope, deviceKeyId, artifacts }, service)) };
}

/**
 * The proof of the commit, for the signature it is about: the one just sent, or a former one whose answer was lost before its key was revoked.
 * @param {Item} item @param {import("../seal/events.js").Proof} proof @throws {SealError} when it is about none of them
 */
async function verifiedCommit(item, proof) {
  const { envelope, keyId, former = [] } = item;
  for (const signed of former) {
    const found = await verified({ ...item, ...signed }, "capture.committed", proof).catch((error) => {
      if (!(error instanceof SealError)) throw error;
      return null;
    });
    if (found !== null) return { proof: found, signed };
  }
  return { proof: await verified(item, "capture.committed", proof), signed: { envelope, keyId } };
}

/**
 * The item with an envelope of the key that is paired now. A capture sealed with a key that was revoked before its commit would be refused
 * for ever; the payload, and with it the capture id, stays the same.
 * @param {Item} item @param {Work} work @returns {Promise<Item>}
 */
async function signedByPairedKey(item, work) {
  const key = await work.store.readKey();
  if (item.keyId === work.pairing.keyId || key === undefined || key.keyId !== work.pairing.keyId) return item;
  const { envelope, keyId } = await signStatement(key, parseEnvelope(item.envelope).payload);
  return (await record(item.captureId, { type: "resigned", envelope, keyId }, work)) ?? item;
}

/** @param {unknown} error @param {Item} item @param {Work} work @returns {Promise<Event | null>} what it means for the capture; null: a fault of this program */
async function toEvent(error, item, work) {
  const at = work.now();
  if (error instanceof Unreachable) return { type: "interrupted", reason: "unreachable", at };
  if (error instanceof LocalDamage) return { type: "refused", reason: "artifact_damaged", retryAt: null };
  if (error instanceof SealError) return { type: "refused", reason: "receipt_invalid", retryAt: at + DOUBT_DELAY_MS };
  if (!(error instanceof Problem)) return null;
  if (error.status === 401) {
    if ((await work.store.readPairing())?.token !== work.pairing.token) return { type: "interrupted", reason: "service_busy", at }; // paired anew meanwhile
    await work.store.markRevoked(work.pairing.token, new Date(at));
    return { type: "refused", reason: "pairing_revoked", retryAt: null };
  }
  if (error.code === "capture_not_allowed") return { type: "refused", reason: "not_allowed", retryAt: at + DOUBT_DELAY_MS }; // of the person, who may be allowed again
  if (error.code === "digest_mismatch") return digestMismatch(item, work);
  if (error.code === "statement_taken" && (await work.store.readItem(item.captureId))?.former?.length) {
    await record(item.captureId, { type: "taken" }, work);
    return { type: "refused", reason: "former_key", retryAt: at + DOUBT_DELAY_MS };
  }
  // What a key of another operator committed, or one that is not revoked, the service keeps from this one: it waits for a person.
  if (error.status === 404 && item.committed !== null && item.keyId !== work.pairing.keyId) {
    return { type: "refused", reason: "former_key", retryAt: at + DOUBT_DELAY_MS };
  }
  const mayPass = error.status >= 500 || PASSING_STATUS.has(error.status);
  if (mayPass && !FINAL_CODES.has(error.code)) return { type: "interrupted", reason: "service_busy", at };
  return { type: "refused", reason: error.status < 300 ? "answer_unknown" : "service_refused", retryAt: at + DOUBT_DELAY_MS };
}

/** Were the bytes hurt on the way, or here? @param {Item} item @param {Work} work @returns {Promise<Event>} */
async function digestMismatch(item, work) {
  for (const { sha256 } of item.artifacts) {
    const blob = await work.store.readPayload(item.captureId, sha256);
    if (blob === undefined || (await hashBlob(blob)) !== sha256) return { type: "refused", reason: "artifact_damaged", retryAt: null };
  }
  return { type: "interrupted", reason: "hurt_on_the_way", at: work.now() };
}

/** @param {Work} work */
function clientFor({ pairing, fetch }) {
  return new ServiceClient({ serverUrl: pairing.serverUrl, token: pairing.token, ...(fetch && { fetch }) });
}

/** @param {string} captureId @param {Event} event @param {Work} work @returns {Promise<Item | null>} */
async function record(captureId, event, work) {
  const next = await work.store.updateItem(captureId, (item) => reduce(item, event));
  work.onChange?.(captureId);
  return next;
}
