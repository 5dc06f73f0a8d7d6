/**
 * How long a text would be in the multi-byte encodings of the web that are not UTF-8: enough to say whether a body's length
 * excludes them. The tables are read out of the platform's own decoders, once, when a page first needs them.
 */

const TWO_BYTE = ["gbk", "big5", "euc-jp", "shift_jis", "euc-kr"];
const ESCAPE_BYTES = 3;

/** @type {Map<string, Map<string, number>>} encoding → character → bytes */
const tables = new Map();

/**
 * @param {string} text not ASCII alone @param {number} sizeBytes of the body
 * @param {string | null} only a declared encoding's name: the others are excluded; null: any
 * @returns {boolean} whether some multi-byte encoding other than UTF-8 gives this text in exactly that many bytes
 */
export function fitsLegacyEncoding(text, sizeBytes, only) {
  const utf16 = 2 * text.length;
  if (sizeBytes === utf16 + 2 || (sizeBytes === utf16 && (only === null || only.startsWith("utf-16")))) return true;
  const candidates = only === null ? [...TWO_BYTE, "gb18030", "iso-2022-jp"] : [only];
  return candidates.some((encoding) => lengthIn(encoding, text) === sizeBytes);
}

/** @param {string} encoding @param {string} text @returns {number | null} bytes; null when the text cannot be written in it */
function lengthIn(encoding, text) {
  if (encoding === "gb18030") return sum(text, tableOf("gbk"), 4);
  if (encoding === "iso-2022-jp") {
    const switches = text.match(/[^\u0000-\u007f]+/g)?.length ?? 0; // eslint-disable-line no-control-regex
    const plain = sum(text, tableOf("euc-jp"), null);
    return plain === null ? null : plain + 2 * ESCAPE_BYTES * switches;
  }
  return TWO_BYTE.includes(encoding) ? sum(text, tableOf(encoding), null) : null;
}

/** @param {string} text @param {Map<string, number>} table @param {number | null} otherwise for characters outside it @returns {number | null} */
function sum(text, table, otherwise) {
  let bytes = 0;
  for (const char of text) {
    const length = char <= "\u007f" ? 1 : table.get(char) ?? otherwise;
    if (length === null) return null;
    bytes += length;
  }
  return bytes;
}

/** @param {string} encoding @returns {Map<string, number>} */
function tableOf(encoding) {
  const known = tables.get(encoding);
  if (known) return known;
  /** @type {Map<string, number>} */
  const table = new Map();
  const decoder = new TextDecoder(encoding);
  const add = (/** @type {number[]} */ prefix, /** @type {number} */ depth) => {
    // Each candidate stands on a line of its own: a line feed is no trail byte in any of them, so a bad one spoils only its line.
    const rows = [];
    for (let lead = depth > 1 ? 0x80 : 0x40; lead <= 0xff; lead += 1) {
      if (depth === 1) rows.push(...prefix, lead, 0x0a);
      else for (let trail = 0x30; trail <= 0xff; trail += 1) rows.push(...prefix, lead, trail, 0x0a);
    }
    for (const char of decoder.decode(Uint8Array.from(rows)).split("\n")) {
      if ([...char].length === 1 && char > "\u007f" && char !== "\uFFFD" && !table.has(char)) table.set(char, prefix.length + depth);
    }
  };
  add([], 1);
  add([], 2);
  if (encoding === "euc-jp") add([0x8f], 2);
  tables.set(encoding, table);
  return table;
}
