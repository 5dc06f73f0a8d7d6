import { parseJsonText } from "./idjson.js";
import { at, isObject, objectsUnder, textOf } from "./jsonpath.js";
import { LIMITS } from "./limits.js";
import { tokensOf } from "./markup.js";

/** @typedef {import("./jsonpath.js").JsonNode} JsonNode */
/** @typedef {import("./jsonpath.js").JsonObject} JsonObject */
/** @typedef {import("./types.js").StoredPost} StoredPost */
/** @typedef {import("./types.js").MetaTag} MetaTag */
/** @typedef {JsonNode & {value: JsonObject}} ObjectNode */

/** Variables that platforms assign their start-up JSON to, in scripts that are not JSON as a whole. */
const VARIABLE = /\b(ytInitialData|ytInitialPlayerResponse|__INITIAL_STATE__|_sharedData|SIGI_STATE|apiPrefetchCache)["']?\]?\s*[=:]\s*(?=[{[])/g;

/** What a capture stores of a page, made ready to be searched. Everything is read under LIMITS; what is not read is in `problems`. */
export class StoredPage {
  /** @param {StoredPost} stored anything: what is not of this shape is passed over */
  constructor(stored) {
    /** @type {string[]} */
    this.problems = [];
    this.url = parseUrl(at(stored, "url"));
    this.language = shortText(at(stored, "language"));
    this.capturedAt = shortText(at(stored, "capturedAt"));
    const html = at(stored, "html");
    this.html = typeof html === "string" ? html.slice(0, LIMITS.textChars) : "";
    if (typeof html === "string" && html.length > LIMITS.textChars) this.problems.push(`html: longer than ${LIMITS.textChars} characters: the rest was not read`);
    this.budget = { value: LIMITS.nodes };
    this.charsLeft = LIMITS.totalChars;
    this.textsLeft = LIMITS.texts;
    /** @type {Set<string>} so that a script that is in jsonTexts is not read again from the html */
    this.seen = new Set();
    /** @type {JsonNode[]} */
    this.roots = [];
    /** @type {MetaTag[]} */
    this.metaTags = listOf(at(stored, "metaTags")).filter(isMetaTag).slice(0, 1000);
    this.#readTexts("jsonTexts", listOf(at(stored, "jsonTexts")));
    this.#readTexts("bodies", listOf(at(stored, "bodies")));
    this.#readHtml();
  }

  /** @param {"jsonTexts" | "bodies"} name @param {unknown[]} list */
  #readTexts(name, list) {
    list.forEach((entry, index) => {
      const text = typeof entry === "string" ? entry : at(entry, "text");
      if (typeof text !== "string") return;
      const id = shortText(at(entry, "id"));
      this.#read(`${name}[${index}]${id === null ? "" : `(${id.slice(0, 60)})`}`, text, name === "jsonTexts" || /json/i.test(textOf(at(entry, "mime")) ?? ""));
    });
  }

  /** Scripts and hidden JSON of the markup, and its meta elements when none were handed in. */
  #readHtml() {
    const wantsMeta = this.metaTags.length === 0;
    let index = -1;
    let isCode = false;
    for (const { kind, name, attributes, text } of tokensOf(this.html)) {
      if (kind === "open" && name === "meta" && wantsMeta && this.metaTags.length < 1000) this.#addMeta(attributes);
      if (kind === "open" && name === "script") index += 1;
      if (kind === "raw" && name === "script") this.#read(`html.script[${index}]`, text, /json/i.test(attributes.get("type") ?? ""));
      if (kind === "text" && isCode) this.#read(`html.code`, text, false);
      isCode = kind === "open" && name === "code";
    }
  }

  /** @param {Map<string, string>} attributes */
  #addMeta(attributes) {
    const name = attributes.get("property") ?? attributes.get("name") ?? attributes.get("itemprop");
    const content = attributes.get("content");
    if (name !== undefined && content !== undefined) this.metaTags.push({ name, content });
  }

  /** @param {string} label @param {string} text @param {boolean} isJson by its declared type: only then is it a problem when it is not */
  #read(label, text, isJson) {
    const trimmed = text.trim();
    if (trimmed === "" || this.seen.has(trimmed)) return;
    const pieces = isJson || /^[{[]|^for\s*\(;;\);|^\)\]\}'/.test(trimmed) ? [{ name: "", text: trimmed }] : assigned(trimmed);
    for (const piece of pieces) {
      if (this.textsLeft <= 0 || piece.text.length > this.charsLeft) {
        this.problems.push(`${label}: not read, the page holds more data than the limit`);
        return;
      }
      this.textsLeft -= 1;
      this.charsLeft -= Math.min(piece.text.length, LIMITS.textChars);
      this.seen.add(trimmed);
      const { values, problems } = parseJsonText(piece.text);
      if (isJson || values.length > 0 || piece.text.length > LIMITS.textChars) this.problems.push(...problems.map((problem) => `${label}: ${problem}`));
      values.forEach((value, index) => {
        const part = values.length > 1 ? `/${index}` : "";
        this.roots.push({ value, key: "", parent: null, label: `${label}${piece.name === "" ? "" : `:${piece.name}`}${part}` });
      });
    }
  }

  /** @param {(value: JsonObject, node: ObjectNode) => boolean} wanted @returns {Generator<ObjectNode>} outer objects first */
  *objects(wanted) {
    for (const node of objectsUnder(this.roots, this.budget)) if (wanted(node.value, node)) yield node;
    if (this.budget.value < 0) this.problems.push("more data than the limit: not all of it was searched");
  }

  /** @param {(value: JsonObject, node: ObjectNode) => boolean} wanted @returns {ObjectNode | null} */
  first(wanted) {
    for (const node of this.objects(wanted)) return node;
    return null;
  }

  /**
   * Objects below one, without going into some members (a shared post, the comments): what stands there belongs to somebody else.
   * @param {JsonNode} node @param {(value: JsonObject) => boolean} wanted @param {ReadonlySet<string>} [notInto] @returns {ObjectNode | null}
   */
  firstUnder(node, wanted, notInto = new Set()) {
    for (const found of objectsUnder([node], this.budget, (key) => typeof key === "string" && notInto.has(key))) if (wanted(found.value)) return found;
    return null;
  }

  /** @param {...string} names @returns {string | null} the content of the first meta element of the first of these names */
  meta(...names) {
    for (const name of names) {
      const found = this.metaTags.find((tag) => tag.name.toLowerCase() === name && tag.content.trim() !== "");
      if (found) return found.content;
    }
    return null;
  }
}

/** @param {string} script @returns {{name: string, text: string}[]} from each known variable's value to the script's end */
function assigned(script) {
  const matches = [...script.slice(0, LIMITS.textChars).matchAll(VARIABLE)].slice(0, 4);
  return matches.map((match) => ({ name: match[1], text: script.slice(match.index + match[0].length) }));
}

/** @param {unknown} url @returns {URL} */
function parseUrl(url) {
  return typeof url === "string" && url.length <= 2 * LIMITS.urlChars && URL.canParse(url) ? new URL(url) : new URL("about:invalid");
}

/** @param {unknown} value @returns {string | null} */
function shortText(value) {
  return typeof value === "string" && value !== "" ? value.slice(0, 200) : null;
}

/** @param {unknown} value @returns {unknown[]} */
function listOf(value) {
  return Array.isArray(value) ? value : [];
}

/** @param {unknown} value @returns {value is MetaTag} */
function isMetaTag(value) {
  return isObject(value) && typeof value.name === "string" && typeof value.content === "string";
}
