import { LIMITS } from "./limits.js";

/** @typedef {{values: unknown[], problems: string[]}} ParsedJson */

const GUARD = /^(?:\uFEFF|\s|for\s*\(;;\);|while\s*\(1\);|\)\]\}'?,?|<!--)+/;
const ASSIGNMENT = /^(?:(?:window|self|globalThis|var|let|const)[\s.]*)?[\w$.]{1,80}(?:\[["'][\w$.-]{1,80}["']\])?\s*=\s*(?=[{[])/;

/**
 * The JSON values of a text, in which an integer beyond 2^53 is kept as the string of its digits: a post id stays the id it was.
 *
 * Takes plain JSON, JSON behind an anti-hijacking guard (`for (;;);`, `)]}'`), `window.name = {…};`, and several values one after another
 * (as one response per line). What is nested deeper than LIMITS.depth is replaced by null, and that is a problem in the list.
 * Never throws: what is not JSON gives no value and says so. Not checked: duplicate member names (the last one stands, as in JSON.parse).
 * @param {string} text @returns {ParsedJson}
 */
export function parseJsonText(text) {
  if (text.length > LIMITS.textChars) return { values: [], problems: [`longer than ${LIMITS.textChars} characters: not read`] };
  /** @type {ParsedJson} */
  const found = { values: [], problems: [] };
  let at = startOfJson(text);
  while (at < text.length && found.values.length < LIMITS.valuesPerText) {
    const span = scanValue(text, at);
    if (span.json === null) {
      if (found.values.length === 0) found.problems.push(`not JSON: ${span.reason}`);
      break;
    }
    try {
      found.values.push(JSON.parse(span.json));
    } catch {
      found.problems.push("not JSON: the parser refused it");
      break;
    }
    if (span.cut) found.problems.push(`nested deeper than ${LIMITS.depth}: the deeper parts were left out`);
    at = skipBetween(text, span.end);
  }
  if (at >= text.length && found.values.length === 0 && found.problems.length === 0) found.problems.push("not JSON: it is empty");
  return found;
}

/** @param {string} text @returns {number} where the first value begins */
function startOfJson(text) {
  const guard = GUARD.exec(text.slice(0, 200))?.[0].length ?? 0;
  return guard + (ASSIGNMENT.exec(text.slice(guard, guard + 400))?.[0].length ?? 0);
}

/** @param {string} text @param {number} at @returns {number} */
function skipBetween(text, at) {
  while (at < text.length && " \t\r\n;".includes(text[at])) at += 1;
  return at;
}

/**
 * Finds the end of the object or list that begins at `start` and rewrites it: long integers quoted, parts that are too deep as null.
 * @param {string} text @param {number} start
 * @returns {{json: string, end: number, cut: boolean} | {json: null, reason: string}}
 */
function scanValue(text, start) {
  if (text[start] !== "{" && text[start] !== "[") return { json: null, reason: "no object or list begins there" };
  /** @type {string[]} */
  const parts = [];
  let kept = start;
  let depth = 0;
  let cut = false;
  for (let at = start; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === 0x22) {
      at = endOfString(text, at);
      if (at < 0) return { json: null, reason: "a string does not end" };
    } else if (char === 0x7b || char === 0x5b) {
      depth += 1;
      if (depth === LIMITS.depth + 1) {
        parts.push(text.slice(kept, at), "null");
        cut = true;
      }
    } else if (char === 0x7d || char === 0x5d) {
      depth -= 1;
      if (depth === LIMITS.depth) kept = at + 1;
      if (depth === 0) return { json: parts.join("") + text.slice(kept, at + 1), end: at + 1, cut };
    } else if (char === 0x2d || (char >= 0x30 && char <= 0x39)) {
      const end = endOfNumber(text, at);
      if (depth <= LIMITS.depth && isLongInteger(text, at, end)) {
        parts.push(text.slice(kept, at), '"', text.slice(at, end), '"');
        kept = end;
      }
      at = end - 1;
    }
  }
  return { json: null, reason: "it ends in the middle" };
}

/** @param {string} text @param {number} quote @returns {number} of the closing quote, or -1 */
function endOfString(text, quote) {
  for (let end = text.indexOf('"', quote + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes += 1;
    if (slashes % 2 === 0) return end;
  }
  return -1;
}

/** @param {string} text @param {number} at @returns {number} */
function endOfNumber(text, at) {
  let end = at + 1;
  while (end < text.length && "0123456789.eE+-".includes(text[end])) end += 1;
  return end;
}

/** @param {string} text @param {number} at @param {number} end @returns {boolean} */
function isLongInteger(text, at, end) {
  if (end - at < 16) return false;
  const digits = text.slice(at, end);
  return /^-?[1-9]\d*$/.test(digits) && !Number.isSafeInteger(Number(digits));
}
