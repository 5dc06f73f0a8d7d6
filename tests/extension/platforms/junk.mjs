// Repeatable junk: a seeded generator, so that a failure can be run again.

/** @returns {() => number} 0 <= n < 1, the same for the same seed (mulberry32) */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export const pick = (next, list) => list[Math.floor(next() * list.length)];

const PLAIN = ["a", "b c", "é", "", "0", "12", "none"];
export function someJson(next, depth, keys = PLAIN, leaves = PLAIN) {
  const kind = Math.floor(next() * (depth > 0 ? 8 : 5));
  if (kind === 0) return pick(next, leaves);
  if (kind === 1) return Math.floor(next() * 2e9);
  if (kind === 2) return next() < 0.5;
  if (kind === 3) return null;
  if (kind === 4) return next() * 1e6;
  const size = Math.floor(next() * 6);
  if (kind === 5) return Array.from({ length: size }, () => someJson(next, depth - 1, keys, leaves));
  return Object.fromEntries(Array.from({ length: size }, () => [pick(next, keys), someJson(next, depth - 1, keys, leaves)]));
}
