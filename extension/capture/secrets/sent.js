/**
 * Credentials in what the person's browser sent: found by the name of their field, and taken out whatever they look like.
 * Pure text in, text out; every other byte stays as it was.
 */

const MAX_DEPTH = 4;
/** A text that is neither read as a form nor as JSON is searched for these. */
const ASSIGNED = /(?<![\p{L}\p{N}_$-])([\p{L}\p{N}_$-]{2,60})(["']?\s{0,8}[:=]\s{0,8})(\\{1,4}["'](?=[^"'\\])|["'](?!["']))((?<=\\["'])[^"'\\]+|(?<=")[^"\\]*(?:\\.[^"\\]*)*|(?<=')[^'\\]*(?:\\.[^'\\]*)*)/gsu;
const ELEMENT = /<([\p{L}\p{N}_:.-]{1,100})((?:\s[^<>]{0,1000})?>(?:<!\[CDATA\[)?)([^<]+)(?=<\/)/gu;
const FORM = /^[^\n=&{}<>]{1,300}=/;
const PART = /content-disposition: form-data;[^\r\n]{0,300}?\bname="([^"\r\n]{1,300})"[^\r\n]{0,1000}\r\n(?:[\w-]{1,60}:[^\r\n]{0,500}\r\n)*\r\n/gi;
const JSON_UNIT = /[[\]{},:]|[^\s"[\]{},:]+|\s+/sy;
/** What may be a text of one of these kinds in its turn. */
const NESTED = /[={<:]/;

/**
 * @typedef {object} Reader
 * @property {(name: string, value: string) => boolean} isSecret  value: "" for an object or a list
 * @property {(name: string, value: string) => string} take  what stands in the value's place; the value is decoded
 */

/**
 * @param {string} text the body of a request: a form (urlencoded, plain, multipart), JSON, XML, or a text that assigns values
 * @param {Reader} reader @param {number} [depth] how many texts it stands in @returns {string}
 */
export function replaceSent(text, reader, depth = 0) {
  if (depth > MAX_DEPTH) return text;
  if (/^\s*[{[]/.test(text)) return replaceJson(text, reader, depth);
  if (/^\s*--/.test(text)) return replaceParts(text, reader, depth);
  if (FORM.test(text)) return replaceForm(text, reader, depth);
  return replaceLoose(text, reader);
}

/** @param {string} text @param {Reader} reader @returns {string} */
function replaceLoose(text, { isSecret, take }) {
  return text.replace(ELEMENT, (whole, name, before, value) => (isSecret(name.replace(/^.*:/, ""), value) ? `<${name}${before}${take(name, value)}` : whole))
    .replace(ASSIGNED, (whole, name, before, quote, value) => (value !== "" && isSecret(name, value) ? `${name}${before}${quote}${take(name, value)}` : whole));
}

/** @param {string} text `name=value`, joined by `&` or, in plain text, one a line @param {Reader} reader @param {number} depth @returns {string} */
function replaceForm(text, reader, depth) {
  const isPlain = /\r\n/.test(text); // its values may hold an ampersand
  return text.split(isPlain ? /(\r\n)/ : /(&)/).map((field) => {
    const at = field.indexOf("=");
    if (at < 0 || at === field.length - 1) return field;
    const [name, value] = [formDecoded(field.slice(0, at)), isPlain ? field.slice(at + 1) : formDecoded(field.slice(at + 1))];
    if (reader.isSecret(name, value)) return `${field.slice(0, at + 1)}${reader.take(name, value)}`;
    if (!NESTED.test(value)) return field;
    const inner = replaceSent(value, reader, depth + 1);
    return inner === value ? field : `${field.slice(0, at + 1)}${isPlain ? inner : encodeURIComponent(inner)}`;
  }).join("");
}

/** @param {string} text multipart/form-data @param {Reader} reader @param {number} depth @returns {string} */
function replaceParts(text, reader, depth) {
  const parts = [];
  let kept = 0;
  for (const match of text.matchAll(PART)) {
    const start = match.index + match[0].length;
    if (match.index < kept) continue;
    const next = text.indexOf("\r\n--", start);
    const end = next < 0 ? text.length : next;
    const value = text.slice(start, end);
    const isFile = /\bfilename\*?=/i.test(match[0]);
    const clean = value === "" ? "" : reader.isSecret(match[1], value) ? reader.take(match[1], value) : isFile ? value : replaceSent(value, reader, depth + 1);
    parts.push(text.slice(kept, start), clean);
    kept = end;
  }
  return parts.join("") + text.slice(kept);
}

/**
 * Member by member, so that numbers, blanks and order stay as they were sent; what is no JSON after all is searched as any text.
 * @param {string} text @param {Reader} reader @param {number} depth @returns {string}
 */
function replaceJson(text, reader, depth) {
  /** @type {string[]} */
  const parts = [];
  /** @type {{secret: string | null, isArray: boolean, name: string, isValue: boolean}[]} what is open; `secret`: the name under which all in it is secret */
  const open = [];
  let at = 0;
  for (let end = unitEnd(text, at); end > at; at = end, end = unitEnd(text, at)) {
    const unit = text.slice(at, end);
    const top = open.at(-1);
    const isName = top !== undefined && !top.isArray && !top.isValue;
    if (unit === "{" || unit === "[") open.push({ secret: secretAt(top, "", reader), isArray: unit === "[", name: "", isValue: false });
    else if (unit === "}" || unit === "]") open.pop();
    else if (top && (unit === ":" || unit === ",")) top.isValue = unit === ":";
    else if (isName && unit.startsWith('"')) top.name = jsonText(unit);
    else if (!isName && /^[^\s:,]/.test(unit)) {
      parts.push(replaceScalar(unit, top, reader, depth));
      continue;
    }
    parts.push(unit);
  }
  const [rest, top] = [text.slice(at), open.at(-1)];
  const unclosed = rest.length > 1 && top ? secretAt(top, rest, reader) : null;
  return parts.join("") + (unclosed === null ? replaceLoose(rest, reader) : `"${reader.take(unclosed, rest.slice(1))}`);
}

/** @param {string} text @param {number} at @returns {number} where the unit of JSON that begins there ends; -1 at the end, or for a text that is not closed */
function unitEnd(text, at) {
  if (text[at] !== '"') {
    JSON_UNIT.lastIndex = at;
    return JSON_UNIT.test(text) ? JSON_UNIT.lastIndex : -1;
  }
  for (let end = at + 1; end < text.length; end += 1) {
    if (text[end] === "\\") end += 1;
    else if (text[end] === '"') return end + 1;
  }
  return -1;
}

/**
 * @param {{secret: string | null, isArray: boolean, name: string} | undefined} top what is open @param {string} value @param {Reader} reader
 * @returns {string | null} the name that makes the value a secret
 */
function secretAt(top, value, { isSecret }) {
  if (!top || top.secret !== null || top.isArray) return top?.secret ?? null;
  return isSecret(top.name, value) ? top.name : null;
}

/** @param {string} unit a text, a number or a word of JSON @param {Parameters<typeof secretAt>[0]} top @param {Reader} reader @param {number} depth @returns {string} */
function replaceScalar(unit, top, reader, depth) {
  if (/^(true|false|null|"")$/.test(unit)) return unit;
  const isText = unit.startsWith('"');
  const value = isText ? jsonText(unit) : unit;
  const secret = secretAt(top, value, reader);
  if (secret !== null) return JSON.stringify(reader.take(secret, value));
  const inner = isText && NESTED.test(value) ? replaceSent(value, reader, depth + 1) : value;
  return inner === value ? unit : JSON.stringify(inner);
}

/** @param {string} unit quoted @returns {string} */
function jsonText(unit) {
  try {
    return JSON.parse(unit);
  } catch {
    return unit.slice(1, -1);
  }
}

/** @param {string} text @returns {string} of application/x-www-form-urlencoded, as it was before; itself where it is no such thing */
function formDecoded(text) {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

/** @param {string} credentials of the scheme Basic @returns {string[]} the password. Source: RFC 7617 §2 */
export function loginOf(credentials) {
  try {
    return [atob(credentials).replace(/^[^:]*:/, "")];
  } catch {
    return [];
  }
}
