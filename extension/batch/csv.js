/** Reading and writing of comma-separated values (RFC 4180). */

const DELIMITERS = [",", ";", "\t"];
const FORMULA = /^[\s\p{Cc}]*[=+\-@＝＋－＠]/u;

/**
 * @param {string} text @param {string} delimiter one character
 * @returns {{line: number, cells: string[]}[]} rows that hold anything; line: of the file, from 1. An unclosed quotation ends with the file.
 */
export function parseCsv(text, delimiter) {
  /** @type {{line: number, cells: string[]}[]} */
  const rows = [];
  let line = 1;
  let row = { line, cells: /** @type {string[]} */ ([]) };
  let cell = "";
  let quoted = false;
  const endRow = () => {
    row.cells.push(cell.trim());
    if (row.cells.some((one) => one !== "")) rows.push(row);
    cell = "";
  };
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === "\n") line += 1;
    if (quoted) {
      if (char !== '"') cell += char;
      else if (text[at + 1] === '"') {
        cell += '"';
        at += 1;
      } else quoted = false;
    } else if (char === '"' && cell.trim() === "") [quoted, cell] = [true, ""];
    else if (char === delimiter) {
      row.cells.push(cell.trim());
      cell = "";
    } else if (char === "\n") {
      endRow();
      row = { line, cells: [] };
    } else if (char !== "\r") cell += char;
  }
  endRow();
  return rows;
}

/** @param {string} text @returns {string | null} what separates the columns of the first line; null: there is one column */
export function findDelimiter(text) {
  const first = text.split(/\r?\n/).find((line) => line.trim() !== "") ?? "";
  const counts = DELIMITERS.map((delimiter) => ({ delimiter, count: first.replace(/"[^"]*"/g, "").split(delimiter).length - 1 }));
  const best = counts.reduce((left, right) => (right.count > left.count ? right : left));
  return best.count > 0 ? best.delimiter : null;
}

/**
 * @param {(string | number | null)[][]} rows
 * @returns {string} with a byte order mark, CRLF, every cell quoted. A text that a spreadsheet would run as a formula gets an apostrophe before it:
 *   page titles and addresses come from strangers.
 */
export function writeCsv(rows) {
  const cell = (/** @type {string | number | null} */ value) => {
    const text = String(value ?? "");
    const safe = typeof value === "string" && FORMULA.test(text) ? `'${text}` : text;
    return `"${safe.replaceAll('"', '""')}"`;
  };
  return `\uFEFF${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}
