import { isSecretName } from "./secretnames.js";
import { isSecretParameter } from "./secrets.js";

/**
 * Credentials that a page carries in its own markup: form tokens and what start-up scripts hand to the page's programs.
 * Pure text in, values out; the markup is not changed here (SecretStripper.text does that, everywhere the values stand).
 */

const QUOTE = "(?:\\\\{0,4}[\"'`]|&quot;|&#34;)";
/** A member of JSON, an assignment in a script, an attribute: a name, `:` or `=`, a quoted value without spaces. */
const ASSIGNED = new RegExp(`(?<![\\w$.-])([\\w$.-]{2,60})${QUOTE}?\\s{0,8}[:=]\\s{0,8}${QUOTE}((?:[^"'\`\\\\<>&\\s]|\\\\{1,4}(?:u[0-9a-f]{4}|x[0-9a-f]{2}|/)|&(?:amp|#\\w{2,6});){8,4096})${QUOTE}`, "gi");
const BARE_DATA = /\s(data-[\w.-]{2,60})=([^\s"'<>]{8,4096})/gi;
const TAG = /<(input|meta|form|textarea)\b((?:[^<>"']|"[^"]{0,8192}"|'[^']{0,8192}'){0,2000})>/gi;
const ATTRIBUTE = /([^\s=/"'<>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+)))?/g;
const PARAMETER = /[?&;]([\w.-]{2,40})=([^"'&#;\s<>\\]{4,4096})/g;
const MIN_LENGTH = 4;

/** @typedef {{name: string, value: string}} MarkupSecret */

/**
 * @param {string} html a document as the server sent it or as the DOM serialises
 * @returns {MarkupSecret[]} hidden and password fields and `meta` elements with a token's name, JSON members in scripts and token
 *   parameters of links
 */
export function findMarkupSecrets(html) {
  /** @type {MarkupSecret[]} */
  const found = [];
  for (const [, tag, text] of html.matchAll(TAG)) {
    const attributes = parseAttributes(text);
    const name = attributes.get("name") ?? attributes.get("property") ?? attributes.get("id") ?? "";
    const value = (tag.toLowerCase() === "meta" ? attributes.get("content") : attributes.get("value")) ?? "";
    const isPassword = attributes.get("type")?.toLowerCase() === "password";
    if (value.length >= MIN_LENGTH && (isPassword || isSecretName(name))) found.push({ name: `${tag.toLowerCase()} ${name}`, value });
  }
  for (const pattern of [ASSIGNED, BARE_DATA]) {
    for (const [, name, value] of html.matchAll(pattern)) if (isSecretName(name)) found.push({ name: `script ${name}`, value: unescapeScript(unescapeHtml(value)) });
  }
  for (const [, name, value] of html.matchAll(PARAMETER)) if (isSecretParameter(name, value)) found.push({ name: `link parameter ${name}`, value });
  return found;
}

/** @param {string} text inside a tag @returns {Map<string, string>} names in lower case, character references decoded */
function parseAttributes(text) {
  const attributes = new Map();
  for (const [, name, double, single, bare] of text.matchAll(ATTRIBUTE)) {
    const key = name.toLowerCase();
    if (!attributes.has(key)) attributes.set(key, unescapeHtml(double ?? single ?? bare ?? ""));
  }
  return attributes;
}

/** @param {string} text @returns {string} with the escapes of JSON and JavaScript undone */
function unescapeScript(text) {
  return text.replace(/\\{1,4}(?:u([0-9a-f]{4})|x([0-9a-f]{2})|\/)/gi, (_whole, wide, narrow) => (wide ?? narrow ? String.fromCharCode(parseInt(wide ?? narrow, 16)) : "/"));
}

/** @param {string} text @returns {string} */
function unescapeHtml(text) {
  return text.replace(/&(?:amp|lt|gt|quot|#39|#x27|#x2f|#43|#x2b|#61|#x3d|#47);/gi, (reference) => REFERENCES[reference.toLowerCase()] ?? reference);
}

/** @type {Record<string, string>} */
const REFERENCES = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&#x27;": "'", "&#x2f;": "/", "&#47;": "/",
  "&#43;": "+", "&#x2b;": "+", "&#61;": "=", "&#x3d;": "=" };
