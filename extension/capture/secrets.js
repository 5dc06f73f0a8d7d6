import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { hex, utf8 } from "../seal/encoding.js";

/** @typedef {import("./types.js").RemovedSecret} RemovedSecret */
/** @typedef {import("../archive/http.js").Headers} Headers */

const SECRET_HEADER = /^(cookie2?|set-cookie2?|authorization|proxy-authorization|authentication|x-?(csrf|xsrf).*|.*(csrf|xsrf)-?token|.*-(api-?key|auth|token|secret|session(-id)?)|x-auth.*|api-?key)$/i;
/** Parameters whose value is a credential whatever it looks like. */
const SECRET_PARAMETER = /^(.*[-_.]?(access|auth|id|refresh|session|csrf|xsrf|security|bearer|api|user|page|reset|login|oauth)[-_.]?token|tokens?|.*(csrf|xsrf).*|authenticity_token|jwt|sid|s_?id|.*session[-_.]?(id|key)?|(php|j|asp)sess(ion)?id|auth|authorization|auth[-_]?key|password|passwd|pwd|secret|client[-_]?secret|api[-_]?key|apikey|sig|signature|x-amz-(signature|security-token|credential)|x-goog-(signature|credential)|saml(request|response)|ticket|otp|hmac)$/i;
/** Parameters that often hold a credential and often something harmless: only a long value is taken. */
const LIKELY_PARAMETER = /^(code|key|state|hash|access|credential|assertion)$/i;
const PARAMETER = /([?&#;])([^=&#;?\s]+)=([^&#;\s]+)/g;
const LIKELY_MIN_LENGTH = 8;
const MIN_LENGTH = 4;
const HARMLESS = /^(true|false|null|none|undefined|yes|no|\d{1,5})$/i;

/**
 * Takes secrets out of what is about to be stored, and keeps the list of what it took.
 *
 * A value that was recognised once (a cookie, a token in a URL, a hidden form field) is learned and taken out of every later
 * text too: the same token stands in a header, in the DOM, in the MHTML and in a script. Pixels are not looked at.
 * Not promised: that a secret under a name nobody knows is found.
 */
export class SecretStripper {
  /** @param {{key: Uint8Array, keep?: boolean}} options key: for the HMAC that lets the owner of a secret recognise it; keep: the person's opt-in */
  constructor({ key, keep = false }) {
    this.key = key;
    this.keep = keep;
    /** @type {Map<string, string>} secret value → what it is called */
    this.known = new Map();
    /** @type {Map<string, RemovedSecret>} */
    this.removedByPlace = new Map();
    /** @type {Map<string, string>} spelling of a known value → the value, longest spelling first */
    this.spelled = new Map();
  }

  /** @returns {RemovedSecret[]} each place and name once; the list of what was removed does not hold it */
  get removed() {
    const places = [...this.removedByPlace.values()].map(({ where, name }) => ({ where: this.#bare(where), name }));
    return [...new Map(places.map((place) => [`${place.where}\n${place.name}`, place])).values()];
  }

  /** @param {string} value @returns {string} 64 hex digits */
  digest(value) {
    return hex(hmac(sha256, this.key, utf8(value)));
  }

  /**
   * Remembers a secret's value, so that `text` and `url` take it out wherever it stands.
   * @param {string} name @param {string} value too short or too plain ones are not learned: taking "true" out of a page would falsify it
   */
  learn(name, value) {
    if (value.length < MIN_LENGTH || HARMLESS.test(value) || this.known.has(value)) return;
    this.known.set(value, name);
    this.spelled.clear();
  }

  /** Remembers those values of a Cookie or Set-Cookie header that are random enough to be a session. @param {string} header */
  learnCookies(header) {
    for (const pair of header.split(/;\s*|\n/)) {
      const at = pair.indexOf("=");
      if (at > 0) this.learnCookie(pair.slice(0, at).trim(), pair.slice(at + 1).trim());
    }
  }

  /** @param {string} name @param {string} value `lang=english` is not taken out of the page's text; a session is */
  learnCookie(name, value) {
    const isRandom = value.length >= 16 && /\d/.test(value) && /[a-z]/i.test(value);
    if (isRandom || (value.length >= 8 && SECRET_PARAMETER.test(name))) this.learn(`cookie ${name}`, value.replace(/^"|"$/g, ""));
  }

  /**
   * @param {Headers} headers @param {string} where for the list @returns {Headers} each secret header replaced by
   *   `X-Holdstill-Redacted: <name>; hmac-sha256=<hex>`; learned values are gone from the others
   */
  headers(headers, where) {
    if (this.keep) return headers;
    for (const [name, value] of headers) if (/^(set-)?cookie2?$/i.test(name)) this.learnCookies(value);
    return headers.map(([name, value]) => {
      if (!SECRET_HEADER.test(name)) return [name, this.url(this.text(value, `${where}, header ${name}`), `${where}, header ${name}`)];
      this.#note(where, `header ${name.toLowerCase()}`);
      return ["X-Holdstill-Redacted", `${name.toLowerCase()}; hmac-sha256=${this.digest(value)}`];
    });
  }

  /**
   * @param {string} url an absolute URL, or any text that holds query parameters @param {string} where for the list
   * @returns {string} token parameters of query and fragment and `user:password@` replaced; everything else as it was, byte for byte
   */
  url(url, where) {
    if (this.keep) return url;
    const login = url.replace(/^([a-z][a-z0-9+.-]*:\/\/)([^/?#@\s]+)@/i, (_whole, scheme, userinfo) => {
      this.learn("user information", userinfo);
      return `${scheme}${this.#take(userinfo, where, "user information")}@`;
    });
    const stripped = login.replace(PARAMETER, (whole, before, name, value) => {
      if (!isSecretParameter(decoded(name), value)) return whole;
      this.learn(decoded(name), value);
      if (decoded(value) !== value) this.learn(decoded(name), decoded(value));
      return `${before}${name}=${this.#take(value, where, `parameter ${decoded(name)}`)}`;
    });
    return this.text(stripped, where);
  }

  /**
   * Takes every learned value out of a text, in the spellings HTML, JSON and URLs give it.
   * @param {string} text @param {string} where @param {{quotedPrintable?: boolean}} [options] MHTML breaks values over lines
   * @returns {string}
   */
  text(text, where, { quotedPrintable = false } = {}) {
    if (this.keep || this.known.size === 0) return text;
    const joined = quotedPrintable ? text.replace(/=\r?\n/g, "") : text;
    let clean = text;
    for (const [spelling, value] of this.#spellings()) { // nearly always absent: a search is much cheaper than one large pattern
      const present = joined.includes(spelling) || (quotedPrintable && joined.includes(quoted(spelling)));
      if (!present) continue;
      const pattern = quotedPrintable ? quotedPattern(spelling) : new RegExp(escaped(spelling), "g");
      clean = clean.replace(pattern, () => this.#take(value, where, this.known.get(value) ?? "secret"));
    }
    return clean;
  }

  /** @returns {Map<string, string>} */
  #spellings() {
    if (this.spelled.size === 0) {
      const all = [...this.known.keys()].flatMap((value) => spellings(value).map((spelling) => /** @type {[string, string]} */ ([spelling, value])));
      this.spelled = new Map(all.sort(([left], [right]) => right.length - left.length)); // a value inside another must not break it
    }
    return this.spelled;
  }

  /** @param {string} value @param {string} where @param {string} name @returns {string} what stands in its place */
  #take(value, where, name) {
    if (value.startsWith("holdstill-redacted-")) return value;
    this.#note(where, name);
    return `holdstill-redacted-${this.digest(value).slice(0, 16)}`;
  }

  /** @param {string} where @param {string} name */
  #note(where, name) {
    this.removedByPlace.set(`${where}\n${name}`, { where, name });
  }

  /** @param {string} where @returns {string} */
  #bare(where) {
    let bare = where.replace(PARAMETER, (whole, before, name, value) => (isSecretParameter(decoded(name), value) ? `${before}${name}=…` : whole));
    for (const spelling of this.#spellings().keys()) bare = bare.replaceAll(spelling, "…");
    return bare;
  }
}

/** @param {string} name @param {string} value @returns {boolean} whether a query parameter is taken for a credential */
export function isSecretParameter(name, value) {
  if (value.length < MIN_LENGTH || HARMLESS.test(value)) return false;
  return SECRET_PARAMETER.test(name) || (LIKELY_PARAMETER.test(name) && value.length >= LIKELY_MIN_LENGTH);
}

/** @param {string} value @returns {string[]} as it stands in plain text, HTML, a URL and JSON */
function spellings(value) {
  const html = value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
  return [...new Set([value, html, encodeURIComponent(value), JSON.stringify(value).slice(1, -1), value.replaceAll("/", "\\/")])];
}

/** @param {string} text @returns {string} in quoted-printable, without line breaks */
function quoted(text) {
  return [...text].map((char) => (/[!-<>-~ ]/.test(char) ? char : Array.from(utf8(char), quotedByte).join(""))).join("");
}

/** @param {string} text @returns {RegExp} finds it in quoted-printable, broken over lines or not */
function quotedPattern(text) {
  const softBreak = "(?:=\\r?\\n)?";
  const chars = [...text].map((char) => `(?:${escaped(char)}|${Array.from(utf8(char), quotedByte).join(softBreak)})`);
  return new RegExp(chars.join(softBreak), "g");
}

/** @param {number} byte @returns {string} */
function quotedByte(byte) {
  return `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** @param {string} text @returns {string} */
function escaped(text) {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
}

/** @param {string} text @returns {string} percent-decoded where that is possible */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
