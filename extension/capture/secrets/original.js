/**
 * What a body was before secrets were taken out of it, told to nobody who has not the key: a plain hash beside what is left of the body would let anybody try out
 * a short secret. Source: docs/formats.md §7, ADR 0021.
 * @param {import("./stripper.js").SecretStripper} stripper @param {string} bodySha256 64 hex digits @returns {string} HMAC-SHA-256 over these 32 bytes, 64 hex digits
 */
export function markOfOriginal(stripper, bodySha256) {
  return stripper.digest(Uint8Array.from(bodySha256.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)));
}
