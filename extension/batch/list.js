import { findDelimiter, parseCsv } from "./csv.js";

/**
 * A list of addresses as a person pastes or imports it.
 * @typedef {{url: string, line: number}} ListEntry  line: of the text, from 1
 * @typedef {{line: number, code: "scheme" | "address" | "login" | "too_long" | "too_many", text: string}} ListError  text: at most 80 characters of it
 * @typedef {{entries: ListEntry[], duplicates: {line: number, of: number}[], errors: ListError[]}} List
 */

export const MAX_ENTRIES = 2000;
const MAX_URL = 8192;
const COLUMN_NAMES = /^(url|urls|link|links|address|web ?address|adres|adresse|adresa|href|посилання|ссылка|lien)$/i;

/**
 * One address per line, or a table whose column of addresses is found by its heading, else by what stands in it. Lines that begin with # are remarks.
 * @param {string} text @returns {List} entries in their order, each address once; what is wrong is named with its line, and the rest is kept
 */
export function parseList(text) {
  /** @type {List} */
  const list = { entries: [], duplicates: [], errors: [] };
  /** @type {Map<string, number>} */
  const known = new Map();
  for (const { line, cell } of cellsOf(text.replace(/^\uFEFF/, ""))) {
    const found = parseAddress(cell);
    if ("code" in found) {
      list.errors.push({ line, code: found.code, text: cell.slice(0, 80) });
      continue;
    }
    const first = known.get(found.url);
    if (first !== undefined) list.duplicates.push({ line, of: first });
    else if (list.entries.length >= MAX_ENTRIES) {
      list.errors.push({ line, code: "too_many", text: cell.slice(0, 80) });
      break;
    } else {
      known.set(found.url, line);
      list.entries.push({ url: found.url, line });
    }
  }
  return list;
}

/** @param {string} text @returns {{line: number, cell: string}[]} */
function cellsOf(text) {
  const delimiter = findDelimiter(text);
  const lines = text.split("\n").map((cell, at) => ({ line: at + 1, cell: cell.trim() })).filter(({ cell }) => cell !== "" && !cell.startsWith("#"));
  if (delimiter === null || lines.every(({ cell }) => /^https?:\/\/[^\s"]+$/i.test(cell) && !/[,;\t]https?:/i.test(cell))) return lines;
  const rows = parseCsv(text, delimiter);
  if (rows.length === 0) return [];
  const headed = rows[0].cells.findIndex((name) => COLUMN_NAMES.test(name));
  const column = headed >= 0 ? headed : fullestColumn(rows.map(({ cells }) => cells));
  const body = headed >= 0 || !isAddress(rows[0].cells[column] ?? "") ? rows.slice(1) : rows;
  return body.map(({ line, cells }) => ({ line, cell: cells[column] ?? "" })).filter(({ cell }) => cell !== "" && !cell.startsWith("#"));
}

/** @param {string[][]} rows @returns {number} the column with the most addresses */
function fullestColumn(rows) {
  const width = Math.max(...rows.map((cells) => cells.length));
  const counts = Array.from({ length: width }, (_none, at) => rows.filter((cells) => isAddress(cells[at] ?? "")).length);
  return counts.indexOf(Math.max(...counts));
}

/** @param {string} cell */
function isAddress(cell) {
  return "url" in parseAddress(cell);
}

/** @param {string} cell @returns {{url: string} | {code: ListError["code"]}} the address as the browser writes it; its fragment is kept: some sites show by it */
function parseAddress(cell) {
  if (cell.length > MAX_URL) return { code: "too_long" };
  if (!URL.canParse(cell)) return { code: /^[a-z][a-z0-9+.-]*:/i.test(cell) ? "address" : "scheme" };
  const url = new URL(cell);
  if (url.protocol !== "http:" && url.protocol !== "https:") return { code: "scheme" };
  if (url.username !== "" || url.password !== "") return { code: "login" };
  return { url: url.href };
}
