import { LIMITS } from "./limits.js";

/** @typedef {{kind: "open" | "close" | "text" | "raw", name: string, attributes: Map<string, string>, text: string}} MarkupToken  raw: what stands in a script or style */
/** @typedef {{attributes: Map<string, string>, tokens: MarkupToken[]}} MarkupElement  tokens between its tags */

const RAW = new Set(["script", "style", "textarea", "title", "noscript"]);
const VOID = new Set(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]);
const ATTRIBUTE = /([^\s=/"'<>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+)))?/g;
const ENTITIES = new Map([["amp", "&"], ["lt", "<"], ["gt", ">"], ["quot", '"'], ["apos", "'"], ["nbsp", "\u00a0"], ["#39", "'"]]);
const NONE = /** @type {Map<string, string>} */ (new Map());

/**
 * The tags and texts of an HTML document, in order. Reads in one pass and never fails; it is no parser of broken HTML: a page that nests its
 * tags wrongly gives wrong elements, not errors. Texts and attribute values are decoded; texts of scripts are as they stand.
 * @param {string} html @returns {Generator<MarkupToken>}
 */
export function* tokensOf(html) {
  const end = Math.min(html.length, LIMITS.textChars);
  let at = 0;
  while (at < end) {
    const open = html.indexOf("<", at);
    const stop = open < 0 || open > end ? end : open;
    if (stop > at) yield { kind: "text", name: "", attributes: NONE, text: decode(html.slice(at, stop)) };
    if (stop === end) return;
    const tag = tagAt(html, open);
    at = tag.end;
    if (tag.name === "") continue;
    yield { kind: tag.closes ? "close" : "open", name: tag.name, attributes: tag.attributes, text: "" };
    if (tag.closes || !RAW.has(tag.name)) continue;
    const close = closeOf(html, tag.name, at);
    yield { kind: "raw", name: tag.name, attributes: tag.attributes, text: html.slice(at, close) };
    at = close;
  }
}

/** @param {string} html @param {number} open @returns {{name: string, closes: boolean, attributes: Map<string, string>, end: number}} name "": not a tag */
function tagAt(html, open) {
  if (html.startsWith("<!--", open)) return { name: "", closes: false, attributes: NONE, end: after(html, "-->", open + 4) };
  const head = /^<(\/?)([a-zA-Z][\w:-]{0,60})/.exec(html.slice(open, open + 64));
  if (!head) return { name: "", closes: false, attributes: NONE, end: open + 1 };
  const from = open + head[0].length;
  let at = from;
  while (at < html.length && html[at] !== ">") {
    const quote = html[at] === '"' || html[at] === "'" ? html.indexOf(html[at], at + 1) : at;
    at = quote < 0 ? html.length : quote + 1;
  }
  return { name: head[2].toLowerCase(), closes: head[1] !== "", attributes: attributesOf(html.slice(from, Math.min(at, from + 100_000))), end: at + 1 };
}

/** @param {string} text inside a tag @returns {Map<string, string>} names in lower case */
function attributesOf(text) {
  const attributes = new Map();
  for (const [, name, double, single, bare] of text.matchAll(ATTRIBUTE)) {
    const key = name.toLowerCase();
    if (!attributes.has(key)) attributes.set(key, decode(double ?? single ?? bare ?? ""));
  }
  return attributes;
}

/** @param {string} html @param {string} mark @param {number} from @returns {number} */
function after(html, mark, from) {
  const found = html.indexOf(mark, from);
  return found < 0 ? html.length : found + mark.length;
}

/** @param {string} html @param {string} name @param {number} from @returns {number} where its closing tag begins */
function closeOf(html, name, from) {
  const mark = new RegExp(`</${name}[\\s/>]`, "ig");
  mark.lastIndex = from;
  return mark.exec(html)?.index ?? html.length;
}

/** @param {string} text with character references @returns {string} */
export function decode(text) {
  if (!text.includes("&")) return text;
  return text.replace(/&(#x[\da-f]{1,6}|#\d{1,7}|[a-z]{2,6});/gi, (whole, /** @type {string} */ name) => {
    const code = /^#x/i.test(name) ? parseInt(name.slice(2), 16) : name.startsWith("#") ? Number(name.slice(1)) : NaN;
    if (Number.isNaN(code)) return ENTITIES.get(name.toLowerCase()) ?? whole;
    return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : "\uFFFD";
  });
}

/**
 * The elements of a list of tokens that a condition chooses, outermost only.
 * @param {Iterable<MarkupToken>} tokens @param {(token: MarkupToken) => boolean} wanted @returns {Generator<MarkupElement>}
 */
export function* elementsOf(tokens, wanted) {
  /** @type {MarkupElement | null} */
  let element = null;
  let name = "";
  let depth = 0;
  for (const token of tokens) {
    if (element === null) {
      if (token.kind !== "open" || !wanted(token)) continue;
      element = { attributes: token.attributes, tokens: [] };
      [name, depth] = [token.name, VOID.has(token.name) ? 0 : 1];
    } else {
      if (token.name === name && token.kind !== "raw" && token.kind !== "text") depth += token.kind === "open" ? 1 : -1;
      if (depth > 0) element.tokens.push(token);
    }
    if (depth > 0) continue;
    yield element;
    element = null;
  }
  if (element !== null) yield element;
}

/** @param {MarkupToken} token @param {string} name @returns {boolean} */
export function hasClass(token, name) {
  return (token.attributes.get("class") ?? "").split(/\s+/).includes(name);
}

/** @param {Iterable<MarkupToken>} tokens @param {string} name a class @returns {MarkupElement | null} the first */
export function firstOfClass(tokens, name) {
  for (const element of elementsOf(tokens, (token) => hasClass(token, name))) return element;
  return null;
}

/** @param {MarkupElement | null} element @returns {string | null} its text, `br` and block ends as line breaks; null when empty */
export function textIn(element) {
  const parts = (element?.tokens ?? []).map(({ kind, name, text }) => (
    kind === "text" ? text : name === "br" && kind === "open" ? "\n" : kind === "close" && (name === "p" || name === "div") ? "\n" : ""));
  const text = parts.join("").split("\n").map((line) => line.trim()).join("\n").replace(/\n{3,}/g, "\n\n").trim(); // no pattern that is slow on long blanks
  return text === "" ? null : text;
}
