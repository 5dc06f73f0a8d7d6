import { isSecretParameter } from "./secrets.js";

/**
 * Credentials that a page carries in its own markup: form tokens and what start-up scripts hand to the page's programs.
 * Pure text in, values out; the markup is not changed here (SecretStripper.text does that, everywhere the values stand).
 */

const SECRET_FIELD = /(csrf|xsrf|authenticity[-_]?token|requestverificationtoken|form[-_]?token|form[-_]?key|access[-_]?token|auth[-_]?token|id[-_]?token|refresh[-_]?token|session[-_]?(id|key|token)|api[-_]?key|^_?token$|^fb_dtsg|^jazoest$|^lsd$|^_wpnonce$|sesskey|password|^sid$|^gx:.*)/i;
const JSON_KEY = /\\?["']([\w-]*(?:csrf|xsrf)[\w-]*|(?:x-)?access_?token|refresh_?token|id_?token|auth_?token|bearer_?token|session_?(?:id|key|token)|api_?key|client_?secret|password|fb_?dtsg|dtsg(?:_?ag)?)\\?["']\s*:\s*\\?["']([^"'\\<>\s]{8,4096})\\?["']/gi;
const TAG = /<(input|meta|form|textarea)\b((?:[^>"']|"[^"]*"|'[^']*')*)>/gi;
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
    if (value.length >= MIN_LENGTH && (isPassword || SECRET_FIELD.test(name))) found.push({ name: `${tag.toLowerCase()} ${name}`, value });
  }
  for (const [, name, value] of html.matchAll(JSON_KEY)) found.push({ name: `script ${name}`, value });
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

/** @param {string} text @returns {string} */
function unescapeHtml(text) {
  return text.replace(/&(?:amp|lt|gt|quot|#39|#x27|#x2f|#43|#x2b|#61|#x3d|#47);/gi, (reference) => REFERENCES[reference.toLowerCase()] ?? reference);
}

/** @type {Record<string, string>} */
const REFERENCES = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&#x27;": "'", "&#x2f;": "/", "&#47;": "/",
  "&#43;": "+", "&#x2b;": "+", "&#61;": "=", "&#x3d;": "=" };
