/** @typedef {{next: Map<string, Node>, value: string | null}} Node */
/** @typedef {{end: number, value: string}} Found */

const ENTITIES = /** @type {Record<string, string>} */ ({ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", sol: "/", plus: "+", equals: "=", colon: ":", period: "." });
const PERCENT = /%(?:25)?([0-9a-f]{2})/iy;
const ESCAPE = /\\{1,8}(?:u([0-9a-f]{4})|x([0-9a-f]{2})|([/"'\\]))/iy;
const ENTITY = /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]{2,6}));/iy;
const QUOTED = /=([0-9a-f]{2})/iy;
const SOFT_BREAK = /=\r?\n/y;
/** Bytes of a value that is looked for in base64 too, and how many characters of such spellings there may be in all: each costs memory. */
const CODED_BYTES = { least: 9, most: 512 };
const CODED_CHARS = 200_000;
/** In base64 with this many bytes before it in its group of three, a value shares this many characters with them. */
const SHARED_CHARS = [0, 2, 3];

/**
 * Finds any of many values in a text in one pass, however each of their characters is written: plain, percent-encoded once or twice, as an escape of
 * JSON or JavaScript, as a character reference of HTML, in quoted-printable broken over lines, and inside of base64 wherever it begins there.
 */
export class SecretTrie {
  constructor() {
    /** @type {Node} */
    this.root = { next: new Map(), value: null };
    this.codedChars = 0;
  }

  /** @param {string} value not empty */
  add(value) {
    const bytes = String.fromCharCode(...new TextEncoder().encode(value)); // as percent and quoted-printable have it
    for (const units of new Set([value, bytes, ...this.#coded(bytes)])) {
      let node = this.root;
      for (const unit of units) {
        const next = node.next.get(unit) ?? { next: new Map(), value: null };
        node.next.set(unit, next);
        node = next;
      }
      node.value = value;
    }
  }

  /** @param {string} bytes one character each @returns {string[]} what of it stands in base64, in both alphabets */
  #coded(bytes) {
    if (bytes.length < CODED_BYTES.least || bytes.length > CODED_BYTES.most || this.codedChars >= CODED_CHARS) return [];
    const found = SHARED_CHARS.map((shared, before) => btoa("\0".repeat(before) + bytes).slice(shared, Math.floor((8 * (before + bytes.length)) / 6)));
    const both = [...new Set(found.flatMap((core) => [core, core.replaceAll("+", "-").replaceAll("/", "_")]))];
    for (const core of both) this.codedChars += core.length;
    return both;
  }

  /**
   * @param {string} text @param {(value: string) => string} take what stands in a value's place
   * @param {{quotedPrintable?: boolean, applies?: (value: string) => boolean}} [options]
   * @returns {string}
   */
  replace(text, take, { quotedPrintable = false, applies = () => true } = {}) {
    if (this.root.next.size === 0) return text;
    const parts = [];
    let kept = 0;
    for (let at = 0; at < text.length; ) {
      const found = this.#longest(this.root, text, at, { quotedPrintable, applies });
      if (found === null) {
        at += 1;
        continue;
      }
      parts.push(text.slice(kept, at), take(found.value));
      kept = at = found.end;
    }
    return kept === 0 ? text : parts.join("") + text.slice(kept);
  }

  /**
   * @param {Node} start @param {string} text @param {number} from @param {{quotedPrintable: boolean, applies: (value: string) => boolean}} options
   * @returns {Found | null} the longest value that stands here
   */
  #longest(start, text, from, options) {
    /** @type {Found | null} */
    let best = null;
    const open = [{ node: start, at: from }];
    for (let state = open.pop(); state; state = open.pop()) {
      const { node, at } = state;
      if (node.value !== null && (best === null || at > best.end) && options.applies(node.value)) best = { end: at, value: node.value };
      if (at >= text.length) continue;
      const char = /** @type {string} */ (text[at]);
      if (char === "%" || char === "\\" || char === "&" || char === "=") {
        const unit = decodedUnit(text, at, options.quotedPrintable);
        const next = unit && (unit.char === "" ? node : node.next.get(unit.char));
        if (unit && next) open.push({ node: next, at: unit.end });
      }
      const next = node.next.get(char);
      if (next) open.push({ node: next, at: at + 1 });
    }
    return best;
  }
}

/** @param {string} text @param {number} at @param {boolean} quotedPrintable @returns {{char: string, end: number} | null} `char` is "" for a soft line break */
function decodedUnit(text, at, quotedPrintable) {
  if (text[at] === "=") {
    if (!quotedPrintable) return null;
    const line = matchAt(SOFT_BREAK, text, at);
    if (line) return { char: "", end: SOFT_BREAK.lastIndex };
    const byte = matchAt(QUOTED, text, at);
    return byte && { char: String.fromCharCode(parseInt(byte[1] ?? "", 16)), end: QUOTED.lastIndex };
  }
  const pattern = text[at] === "%" ? PERCENT : text[at] === "\\" ? ESCAPE : ENTITY;
  const match = matchAt(pattern, text, at);
  if (!match) return null;
  const end = pattern.lastIndex;
  const [, first, second, third] = match;
  if (pattern === PERCENT) return { char: String.fromCharCode(parseInt(first ?? "", 16)), end };
  if (pattern === ESCAPE) return { char: third ?? String.fromCharCode(parseInt(first ?? second ?? "", 16)), end };
  const char = third === undefined ? codePoint(first === undefined ? parseInt(second ?? "", 10) : parseInt(first, 16)) : ENTITIES[third.toLowerCase()];
  return char === undefined ? null : { char, end };
}

/** @param {RegExp} pattern sticky @param {string} text @param {number} at */
function matchAt(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** @param {number} code @returns {string | undefined} */
function codePoint(code) {
  return code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}
