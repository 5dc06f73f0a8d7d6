/**
 * @typedef {object} Node
 * @property {Map<string, Node>} next
 * @property {string | null} value    that ends here
 * @property {number} depth
 * @property {Node | null} fail       the longest other beginning of a value with which this one ends
 * @property {Node | null} ends       where the longest value ends that ends here
 * @property {Node | null} shorter    the next shorter one
 */
/** @typedef {{start: number, end: number, value: string}} Found */

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
 * Finds any of many values in a text, in time that grows with the text alone, whatever both hold: plain, percent-encoded once or twice, as an escape of
 * JSON or JavaScript, as a character reference of HTML, in quoted-printable broken over lines, and inside of base64 wherever it begins there.
 *
 * The text is read twice at once: as it stands, and with everything decoded that can be. Values that came later have automata of their own, which are
 * joined when they have grown alike, so that learning stays cheap. Source: A. V. Aho, M. J. Corasick, Efficient string matching, CACM 18(6), 1975.
 */
export class SecretTrie {
  constructor() {
    /** @type {Map<string, string[]>} value → its spellings */
    this.spellings = new Map();
    /** @type {string[]} values that no automaton has yet */
    this.waiting = [];
    /** @type {{root: Node, values: string[], depth: number}[]} */
    this.automata = [];
    this.codedChars = 0;
  }

  /** @param {string} value not empty @param {{decoded?: boolean}} [options] decoded: it is also looked for as what it reads once decoded */
  add(value, { decoded = false } = {}) {
    const bytes = String.fromCharCode(...new TextEncoder().encode(value)); // as percent and quoted-printable have it
    this.spellings.set(value, [...new Set([value, bytes, ...(decoded ? [decodedWhole(value)] : []), ...this.#coded(bytes)])]);
    this.waiting.push(value);
  }

  /** @param {string} value is looked for no more */
  remove(value) {
    this.spellings.delete(value);
    this.waiting = [...this.spellings.keys()];
    this.automata = [];
  }

  /** @param {string} bytes one character each @returns {string[]} what of it stands in base64, in both alphabets */
  #coded(bytes) {
    if (bytes.length < CODED_BYTES.least || bytes.length > CODED_BYTES.most || this.codedChars >= CODED_CHARS) return [];
    const found = SHARED_CHARS.map((shared, before) => btoa("\0".repeat(before) + bytes).slice(shared, Math.floor((8 * (before + bytes.length)) / 6)));
    const both = [...new Set(found.flatMap((core) => [core, core.replaceAll("+", "-").replaceAll("/", "_")]))];
    for (const core of both) this.codedChars += core.length;
    return both;
  }

  /** Gives the waiting values an automaton, together with those of automata that are no larger. */
  #build() {
    if (this.waiting.length === 0) return;
    let values = this.waiting;
    this.waiting = [];
    for (let last = this.automata.at(-1); last && last.values.length <= values.length; last = this.automata.at(-1)) {
      values = [...last.values, ...values];
      this.automata.pop();
    }
    this.automata.push(automatonOf(values, this.spellings));
  }

  /**
   * @param {string} text @param {(value: string) => string} take what stands in a value's place
   * @param {{quotedPrintable?: boolean, applies?: (value: string) => boolean}} [options]
   * @returns {string}
   */
  replace(text, take, { quotedPrintable = false, applies = () => true } = {}) {
    this.#build();
    const found = this.automata.flatMap((automaton) => find(automaton, text, { quotedPrintable, applies }));
    if (found.length === 0) return text;
    if (this.automata.length > 1) found.sort((left, right) => left.end - right.end);
    const parts = [];
    let kept = 0;
    for (const { start, end, value } of this.automata.length > 1 ? found.reduce(join, /** @type {Found[]} */ ([])) : found) {
      parts.push(text.slice(kept, start), take(value));
      kept = end;
    }
    return parts.join("") + text.slice(kept);
  }
}

/** @param {string[]} values @param {Map<string, string[]>} spellings @returns {{root: Node, values: string[], depth: number}} */
function automatonOf(values, spellings) {
  const root = node(0);
  for (const value of values) {
    for (const units of spellings.get(value) ?? []) {
      let at = root;
      for (const unit of units) {
        const next = at.next.get(unit) ?? node(at.depth + 1);
        at.next.set(unit, next);
        at = next;
      }
      at.value = value;
    }
  }
  root.fail = root;
  const queue = [root];
  let depth = 0;
  for (let index = 0; index < queue.length; index += 1) {
    const from = /** @type {Node} */ (queue[index]);
    depth = from.depth;
    for (const [unit, to] of from.next) {
      to.fail = from === root ? root : step(/** @type {Node} */ (from.fail), unit, root);
      to.ends = to.value === null ? to.fail.ends : to;
      to.shorter = to.fail.ends;
      queue.push(to);
    }
  }
  return { root, values, depth };
}

/** @param {number} depth @returns {Node} */
function node(depth) {
  return { next: new Map(), value: null, depth, fail: null, ends: null, shorter: null };
}

/** @param {Node} from @param {string} unit @param {Node} root @returns {Node} the longest beginning of a value that ends with this unit */
function step(from, unit, root) {
  for (let at = from; ; at = /** @type {Node} */ (at.fail)) {
    const next = at.next.get(unit);
    if (next || at === root) return next ?? root;
  }
}

/**
 * @param {{root: Node, depth: number}} automaton @param {string} text @param {{quotedPrintable: boolean, applies: (value: string) => boolean}} options
 * @returns {Found[]} in order, none over another
 */
function find({ root, depth }, text, { quotedPrintable, applies }) {
  /** @type {Found[]} */
  const found = [];
  const starts = new Float64Array(depth + 1); // where the last units of the decoded text began
  let [plain, read] = [root, root];
  let units = 0;
  let readTo = 0;
  const end = (/** @type {Node} */ reached, /** @type {number} */ to, /** @type {boolean} */ isRead) => {
    let ends = reached.ends;
    while (ends && !applies(/** @type {string} */ (ends.value))) ends = ends.shorter;
    if (!ends) return;
    const start = isRead ? starts[(units - ends.depth) % starts.length] ?? 0 : to - ends.depth;
    join(found, { start, end: to, value: /** @type {string} */ (ends.value) });
  };
  for (let at = 0; at < text.length; at += 1) {
    const char = /** @type {string} */ (text[at]);
    const before = plain;
    plain = step(plain, char, root);
    if (at >= readTo) {
      const unit = char === "%" || char === "\\" || char === "&" || char === "=" ? decodedUnit(text, at, quotedPrintable) : null;
      readTo = unit ? unit.end : at + 1;
      if (unit?.char !== "") {
        starts[units % starts.length] = at;
        units += 1;
        read = unit ? step(read, unit.char, root) : read === before ? plain : step(read, char, root);
        if (read.ends) end(read, readTo, true);
      }
    }
    if (plain.ends && plain !== read) end(plain, at + 1, false);
  }
  return found;
}

/** @param {Found[]} found none over another @param {Found} more ends about where the last does, or later; what of it is covered already is left @returns {Found[]} */
function join(found, { start, end, value }) {
  let to = end;
  let last = found.at(-1);
  for (; last && last.start >= start; last = found.at(-1)) {
    to = Math.max(to, last.end);
    found.pop();
  }
  if (!last || last.end < to) found.push({ start: Math.max(start, last?.end ?? 0), end: to, value });
  return found;
}

/** @param {string} text @returns {string} with everything decoded that can be */
export function decodedWhole(text) {
  const parts = [];
  for (let at = 0; at < text.length; ) {
    const unit = decodedUnit(text, at, false);
    parts.push(unit ? unit.char : text[at]);
    at = unit ? unit.end : at + 1;
  }
  return parts.join("");
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
  const pattern = text[at] === "%" ? PERCENT : text[at] === "\\" ? ESCAPE : text[at] === "&" ? ENTITY : null;
  if (pattern === null) return null;
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
