import { parsePayload, parseEnvelope, verifyServiceEnvelope } from "./dsse.js";
import { SealError } from "./errors.js";
import { sha256, sha256Hex } from "./hashing.js";
import { parseVkey } from "./note.js";
import { verifyReceipt } from "./receipt.js";

/**
 * @typedef {{origin: string, logVkey: string, serviceVkey: string}} Pins what pairing fixed: the log and service keys of one service
 * @typedef {{receipt: string, event: string}} Proof the answer to a commit or a seal, kept as received
 * @typedef {{captureId: string, statement: string, deviceKeyId: string, artifacts: {name: string, sha256: string, sizeBytes: number}[]}} Claim
 *   `statement`: the exact text of the envelope file
 */

/**
 * The custody event and its place in the log, if the pinned service really said about *this* statement what `type` means.
 *
 * 1. event envelope signed by the pinned service key; 2. custody event of the right type about this capture; 3. its subject is the
 * SHA-256 of our own envelope file; 4. its details name our key (commit) or exactly our artifacts (seal); 5. its SHA-256 is a leaf
 * of the pinned log under a checkpoint the log signed. Not checked: the event's time, witnesses, the chain before it.
 * @param {Proof} proof @param {"capture.committed" | "capture.sealed"} type @param {Claim} claim @param {Pins} pins
 * @returns {Promise<{time: string, index: number, treeSize: number}>} @throws {SealError}
 */
export async function verifyProof(proof, type, claim, pins) {
  // 1.
  const payload = await verifyServiceEnvelope(parseEnvelope(proof.event), parseVkey(pins.serviceVkey));
  // 2.
  /** @type {any} */
  const event = parsePayload(payload, "event");
  const predicate = event?.predicate;
  if (event?._type !== "https://in-toto.io/Statement/v1" || event.predicateType !== "https://holdstill.local/custody/v1") {
    throw new SealError("event", "not a custody event");
  }
  if (predicate?.type !== type || predicate.item !== `capture:${claim.captureId}`) throw new SealError("event", `not ${type} of this capture`);
  // 3.
  const subjects = Array.isArray(event.subject) ? event.subject : [];
  if (subjects.length !== 1 || subjects[0]?.digest?.sha256 !== sha256Hex(claim.statement)) throw new SealError("event", "is about another statement");
  // 4.
  checkDetails(type, predicate.details, claim);
  // 5.
  const logKey = parseVkey(pins.logVkey);
  const { index, checkpoint } = await verifyReceipt({ text: proof.receipt, leaf: sha256(proof.event), origin: pins.origin, logKey });
  return { time: String(predicate.time), index, treeSize: checkpoint.size };
}

/** @param {string} type @param {any} details @param {Claim} claim */
function checkDetails(type, details, claim) {
  if (details?.captureId !== claim.captureId) throw new SealError("event", "its details name another capture");
  if (type === "capture.committed") {
    if (details.deviceKeyId !== claim.deviceKeyId) throw new SealError("event", "names another device key");
    return;
  }
  /** @param {any} entry */
  const line = (entry) => `${entry?.sha256} ${entry?.sizeBytes} ${entry?.name}`;
  const said = (Array.isArray(details.artifacts) ? details.artifacts : []).map(line).sort();
  if (said.join("\n") !== claim.artifacts.map(line).sort().join("\n")) throw new SealError("event", "names other artifacts than the statement");
}
