import { concat, isEqual } from "./encoding.js";
import { SealError } from "./errors.js";
import { sha256 } from "./hashing.js";

export const HASH_BYTES = 32;

/** @param {Uint8Array} leaf @returns {import("./encoding.js").Bytes} Source: RFC 6962 §2.1 */
export function leafHash(leaf) {
  return sha256(concat(Uint8Array.of(0), leaf));
}

/** @param {Uint8Array} left @param {Uint8Array} right @returns {import("./encoding.js").Bytes} Source: RFC 6962 §2.1 */
export function nodeHash(left, right) {
  return sha256(concat(Uint8Array.of(1), left, right));
}

/**
 * The root that `proof` gives for a leaf, compared with `root`.
 *
 * Sizes are safe integers: a log of 2^53 leaves is out of reach. Division instead of shifts, because JS shifts are 32 bits wide.
 * Not checked: that `root` was signed by anybody; see verifyReceipt().
 * @param {{leaf: Uint8Array, index: number, size: number, proof: Uint8Array[], root: Uint8Array}} claim
 * @returns {void} @throws {SealError} Source: RFC 9162 §2.1.3.2 (the tree is RFC 6962's)
 */
export function verifyInclusion({ leaf, index, size, proof, root }) {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) {
    throw new SealError("inclusion proof", `index ${index} is outside a tree of ${size}`);
  }
  let at = index;
  let last = size - 1;
  let hash = leafHash(leaf);
  for (const sibling of proof) {
    if (last === 0) throw new SealError("inclusion proof", "longer than the tree is high");
    if (sibling.length !== HASH_BYTES) throw new SealError("inclusion proof", "a hash is not 32 bytes");
    if (at % 2 === 1 || at === last) {
      hash = nodeHash(sibling, hash);
      while (at % 2 === 0 && at !== 0) {
        at = at / 2;
        last = Math.floor(last / 2);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) throw new SealError("inclusion proof", "too short for the tree");
  if (!isEqual(hash, root)) throw new SealError("inclusion proof", "does not lead to the checkpoint's root");
}
