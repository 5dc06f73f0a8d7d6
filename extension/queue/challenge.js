import { SealError } from "../seal/errors.js";
import { sha256Hex } from "../seal/hashing.js";
import { parseCheckpoint, parseNote, parseVkey, verifyNote } from "../seal/note.js";
import { Problem, ServiceClient, Unreachable } from "./client.js";

/**
 * The challenge: a nonce, the service's clock and a recent checkpoint, asked for at the click, beside the capture.
 * @typedef {import("../seal/statement.js").Challenge} Challenge
 */

const TIMEOUT_MS = 5_000;
const SHA256 = /^[0-9a-f]{64}$/;
const TSA_NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;
const MAX_TIMESTAMPS = 16;

/**
 * @param {import("./store.js").Pairing} pairing @param {{fetch?: import("./client.js").Fetch, now?: () => number}} [environment] `now`: milliseconds since 1970
 * @returns {Promise<Challenge | null>} null: no connection within 5 s, not paired any more, or an answer that is none; the capture goes on
 */
export async function fetchChallenge(pairing, { fetch, now = Date.now } = {}) {
  const client = new ServiceClient({ serverUrl: pairing.serverUrl, token: pairing.token, ...(fetch && { fetch }) });
  const before = now();
  try {
    const answer = await client.challenge(AbortSignal.timeout(TIMEOUT_MS));
    return await parseChallenge(answer, pairing, { before, after: now() });
  } catch (error) {
    if (error instanceof Unreachable || error instanceof Problem || error instanceof SealError) return null;
    throw error;
  }
}

/**
 * @param {any} answer @param {import("../seal/events.js").Pins} pins @param {{before: number, after: number}} asked device clock, milliseconds
 * @returns {Promise<Challenge>} A checkpoint that the pinned log did not sign is left out: a statement must not lean on it. @throws {SealError}
 */
export async function parseChallenge(answer, pins, { before, after }) {
  const serverTime = Date.parse(answer?.server_time);
  if (typeof answer?.nonce !== "string" || answer.nonce === "" || answer.nonce.length > 200 || Number.isNaN(serverTime)) {
    throw new SealError("challenge", "no nonce or no server time");
  }
  const clock = {
    offsetMs: Math.round(serverTime - (before + after) / 2),
    roundTripMs: Math.max(0, Math.round(after - before)),
    measuredAt: new Date(after).toISOString(),
  };
  const checkpoint = await verifiedCheckpoint(answer, pins);
  const timestamps = checkpoint && Array.isArray(answer.timestamps) ? answer.timestamps : [];
  return {
    nonce: answer.nonce, origin: pins.origin, clock, checkpoint,
    timestamps: timestamps.filter((/** @type {any} */ stamp) => TSA_NAME.test(stamp?.tsa) && SHA256.test(stamp?.sha256)).slice(0, MAX_TIMESTAMPS),
  };
}

/** @param {any} answer @param {import("../seal/events.js").Pins} pins @returns {Promise<Challenge["checkpoint"]>} */
async function verifiedCheckpoint(answer, pins) {
  if (typeof answer.checkpoint !== "string" || answer.checkpoint_sha256 !== sha256Hex(answer.checkpoint)) return null;
  try {
    const checkpoint = parseCheckpoint(await verifyNote(parseNote(answer.checkpoint), parseVkey(pins.logVkey)));
    return checkpoint.origin === pins.origin ? { treeSize: checkpoint.size, sha256: answer.checkpoint_sha256 } : null;
  } catch (error) {
    if (error instanceof SealError) return null;
    throw error;
  }
}
