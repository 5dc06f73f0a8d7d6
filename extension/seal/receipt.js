import { parseBase64 } from "./encoding.js";
import { SealError } from "./errors.js";
import { verifyInclusion } from "./merkle.js";
import { parseCheckpoint, parseNote, verifyNote } from "./note.js";

/** Receipts: C2SP tlog-proof. Header line, optional `extra`, `index`, one base64 hash a line, an empty line, the checkpoint note. */

const HEADER = "c2sp.org/tlog-proof@v1";
const MAX_HASHES = 63;

/**
 * @typedef {import("./encoding.js").Bytes} Bytes
 * @typedef {{index: number, hashes: Bytes[], checkpoint: string}} Receipt
 */

/** @param {string} text @returns {Receipt} strict shape. Not checked: proof and signature; see verifyReceipt(). @throws {SealError} */
function parseReceipt(text) {
  const split = text.indexOf("\n\n");
  const lines = (split < 0 ? "" : text.slice(0, split)).split("\n");
  if (lines.shift() !== HEADER) throw new SealError("receipt", "not a C2SP tlog-proof");
  if (lines[0]?.startsWith("extra ")) parseBase64(/** @type {string} */ (lines.shift()).slice(6), "receipt extra");
  const index = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? "")?.[1];
  if (index === undefined || !Number.isSafeInteger(Number(index))) throw new SealError("receipt", "no index line");
  if (lines.length > MAX_HASHES) throw new SealError("receipt", "too many hashes");
  return { index: Number(index), hashes: lines.map((line) => parseBase64(line, "receipt hash")), checkpoint: text.slice(split + 2) };
}

/**
 * The checkpoint under which the pinned log proves that it holds `leaf`.
 *
 * Not checked: witness cosignatures (pairing pins no witness) and consistency with earlier checkpoints.
 * @param {{text: string, leaf: Uint8Array, origin: string, logKey: import("./note.js").VerifierKey}} claim `leaf`: 32 bytes
 * @returns {Promise<{index: number, checkpoint: import("./note.js").Checkpoint}>} @throws {SealError}
 */
export async function verifyReceipt({ text, leaf, origin, logKey }) {
  const receipt = parseReceipt(text);
  const checkpoint = parseCheckpoint(await verifyNote(parseNote(receipt.checkpoint), logKey));
  if (checkpoint.origin !== origin) throw new SealError("receipt", "the checkpoint is of another log");
  verifyInclusion({ leaf, index: receipt.index, size: checkpoint.size, proof: receipt.hashes, root: checkpoint.root });
  return { index: receipt.index, checkpoint };
}
