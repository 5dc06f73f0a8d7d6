import { isDrawnByLot, isSecretName, isSecretParameter, isSecretPathPart } from "./names.js";

/**
 * Credentials that a page carries in its own markup: form tokens and what start-up scripts hand to the page's programs.
 * Pure text in, values out; the markup is not changed here (SecretStripper.text does that, everywhere the values stand).
 */

const QUOTE = "(?:\\\\{0,4}[\"'`]|&quot;|&#34;)";
/** A member of JSON, an assignment in a script, an attribute: a name, `:` or `=`, a quoted value without spaces. */
const ASSIGNED = new RegExp(`(?<![\\w$.-])([\\w$.-]{2,60})${QUOTE}?\\s{0,8}[:=]\\s{0,8}${QUOTE}((?:[^"'\`\\\\<>&\\s]|\\\\{1,4}(?:u[0-9a-f]{4}|x[0-9a-f]{2}|/)|&(?:amp|#\\w{2,6});){8,4096})${QUOTE}`, "gi");
const BARE_DATA = /\s(data-[\w.-]{2,60})=([^\s"'<>]{8,4096})/gi;
const TAG = /<(input|meta|form|textarea)\b((?:[^<>"']|"[^"]{0,8192}"|'[^']{0,8192}'){0,2000})>/gi;
/** What a script puts into the browser's storage under a credential's name, and credentials of headers in script texts. */
const STORED = /\bsetItem\(\s*["'`]([\w.:-]*(?:auth|token|session|jwt|csrf|xsrf|secret|api[-_]?key|sid)[\w.:-]*)["'`]\s*,\s*["'`]([^"'`\\<>\s]{8,4096})["'`]/gi;
const BEARER = /\b(Bearer|Basic)\s+([\w.~+/-]{8,4096}=*)/g;
const ATTRIBUTE = /([^\s=/"'<>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+)))?/g;
const PARAMETER = /[?&;]([\w.-]{2,40})=([^"'`&#;\s<>(){}\\]{4,4096})/g;
const CODED_PARAMETER = /%(?:25){0,3}(?:3f|26|3b|23)([\w.-]{2,40})%(?:25){0,3}3d([\w~.+-]{8,4096})/gi;
/** What a program hands to a function under a credential's name: a form's field, a header. */
const HANDED = /\b(?:append|set|put|header|set\w{1,20})\(\s{0,8}["'`]([\w.:-]{2,60})["'`]\s{0,8},\s{0,8}["'`]([^"'`\\<>\s]{12,4096})["'`]/g;
/** A login that a program puts together for the scheme Basic. */
const LOGIN = /\bbtoa\(\s{0,8}["'`][^"'`:\s]{0,200}:([^"'`\s]{8,400})["'`]/g;
const UNQUOTED = /(?<![\w$.?&;%-])([\w$-]{2,60})\s?[=:]\s?([\w~+/.-]{16,4096}={0,2})/g;
const IN_PATH = /\/([\w.-]{2,40})\/([\w~+=-]{16,512})(?![\w~+=-])/g;
/** A JSON Web Token says of itself what it is, wherever it stands. Source: RFC 7519 §3.1 */
const WEB_TOKEN = /(?<![\w-])eyJ[\w-]{8,4096}(?:\.[\w-]{8,4096}){2,4}/g;
const MIN_LENGTH = 4;
const INPUT = /<input\b(?:[^<>"']|"[^"]{0,8192}"|'[^']{0,8192}'){0,2000}>/gi;
const VALUE = /(\svalue\s*=(?:3D)?\s*)("[^"]*"|'[^']*'|[^\s"'<>]+)/gi;

/** @typedef {{name: string, value: string}} MarkupSecret */

/**
 * @param {string} html a document as the server sent it or as the DOM serialises
 * @returns {MarkupSecret[]} hidden and password fields and `meta` elements with a token's name, JSON members in scripts, token
 *   parameters and path parts of links (percent-encoded too), web tokens
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
  for (const [, name, value] of html.matchAll(STORED)) found.push({ name: `stored ${name}`, value });
  for (const [, name, value] of html.matchAll(BEARER)) if (/\d/.test(value)) found.push({ name: `script ${name}`, value });
  for (const [, name, value] of html.matchAll(PARAMETER)) if (isSecretParameter(name, value)) found.push({ name: `link parameter ${name}`, value });
  for (const [, name, value] of html.matchAll(CODED_PARAMETER)) if (isSecretParameter(name, value)) found.push({ name: `link parameter ${name}`, value });
  for (const pattern of [HANDED, UNQUOTED]) {
    for (const [, name, value] of html.matchAll(pattern)) if (isSecretName(name) && isDrawnByLot(value)) found.push({ name: `script ${name}`, value });
  }
  for (const [, name, value] of html.matchAll(IN_PATH)) if (isSecretPathPart(name, value)) found.push({ name: `path ${name}`, value });
  for (const [, value] of html.matchAll(LOGIN)) found.push({ name: "script login", value });
  for (const [value] of html.matchAll(WEB_TOKEN)) found.push({ name: "web token", value });
  return found;
}

/** @param {string} html @returns {string[]} what its password fields are called: names and ids */
export function findPasswordNames(html) {
  return [...html.matchAll(INPUT)].flatMap(([tag]) => {
    const attributes = parseAttributes(tag.slice("<input".length, -1));
    if (attributes.get("type")?.toLowerCase() !== "password") return [];
    return [attributes.get("name"), attributes.get("id")].flatMap((name) => name || []);
  });
}

/**
 * What stands in the markup of a password field is a password, whatever it looks like; only this place is changed.
 * @param {string} html or any text @param {(value: string) => string} take what stands in the value's place
 * @param {{quotedPrintable: boolean}} options @returns {string}
 */
export function clearPasswordFields(html, take, { quotedPrintable }) {
  return html.replace(INPUT, (whole) => {
    const tag = quotedPrintable ? whole.replace(/=\r?\n/g, "") : whole;
    if (!/\stype\s*=(?:3D)?\s*["']?password\b/i.test(tag)) return whole;
    const clean = tag.replace(VALUE, (field, before, value) => {
      const plain = value.replace(/^(["'])(.*)\1$/s, "$2");
      return plain === "" ? field : `${before}"${take(unescapeHtml(plain))}"`;
    });
    return clean === tag ? whole : clean;
  });
}

/**
 * @param {string} text of a script or a style sheet: most of it is a library's, and holds no secret
 * @returns {MarkupSecret[]} only values that are plainly drawn by lot
 */
export function findScriptSecrets(text) {
  return findMarkupSecrets(text).filter(({ value }) => isDrawnByLot(value));
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
