import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { hex, utf8 } from "../seal/encoding.js";
import { isSecretName, isTokenLike } from "./secretnames.js";
import { SecretTrie } from "./secrettrie.js";

/** @typedef {import("./types.js").RemovedSecret} RemovedSecret */
/** @typedef {import("../archive/http.js").Headers} Headers */

const SECRET_HEADER = /^(dpop|x-ig-www-claim|cookie2?|set-cookie2?|authorization|proxy-authorization|authentication|x-?(csrf|xsrf).*|.*(csrf|xsrf)-?token|.*-(api-?key|auth|token|secret|session(-id)?)|x-auth.*|api-?key)$/i;
/** Parameters that often hold a credential and often something harmless: only a long value is taken. */
const LIKELY_PARAMETER = /^(code|key|state|hash|access|credential|assertion)$/i;
const RARE_PARAMETER = /^(magic|invite|invitation|recovery|verification|confirmation|reset|nonce)$/i;
const PARAMETER = /([?&#;])([^=&#;?\s]{1,300})=([^&#;\s]+)/g;
const BEARER = /\b(Bearer(?:\s|%20|\+)+)([\w.~+/=-]{12,})/gi;
const NESTED_DEPTH = 4;
const MAX_LEARNED = 500;
const MAX_LEARNED_LENGTH = 8192;
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
    this.trie = new SecretTrie();
    /** @type {Set<string>} values a page's markup calls secret: it may be lying, so they are never taken out of an address's path */
    this.fromMarkup = new Set();
    /** @type {Set<string>} of both kinds: what was looked at */
    this.claimed = new Set();
    /** What the picture shows anyway: the page's address, title, text. */
    this.shown = "";
    /** Values that were not learned because there were too many. */
    this.unlearned = 0;
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
    if (value.length < MIN_LENGTH || value.length > MAX_LEARNED_LENGTH || HARMLESS.test(value) || value.startsWith("holdstill-redacted-")) return;
    this.fromMarkup.delete(value); // a cookie's value or a parameter's is a secret whatever else says so
    if (this.known.has(value)) return;
    if (this.known.size >= 2 * MAX_LEARNED) {
      this.unlearned += 1;
      return;
    }
    this.known.set(value, name);
    this.trie.add(value);
  }

  /**
   * Remembers what the page's own markup calls a secret, if it looks like one and is not what the page shows: a page must not choose what is
   * erased from the evidence. At most 500 are looked at; `unlearned` counts the rest.
   * @param {string} name @param {string} value
   */
  learnMarkup(name, value) {
    if (this.claimed.has(value) || !isTokenLike(value)) return;
    if (this.claimed.size >= MAX_LEARNED) {
      this.unlearned += 1;
      return;
    }
    this.claimed.add(value);
    if (this.known.has(value) || this.shown.includes(value)) return;
    this.learn(name, value);
    if (this.known.has(value)) this.fromMarkup.add(value);
  }

  /** Tells what stands in the picture: none of it is learned from markup. @param {string[]} texts */
  show(...texts) {
    this.shown += `\n${texts.flatMap((text) => [text, decoded(text)]).join("\n")}`;
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
    if (isRandom || (value.length >= 8 && isSecretName(name))) this.learn(`cookie ${name}`, value.replace(/^"|"$/g, ""));
  }

  /**
   * @param {Headers} headers @param {string} where for the list @returns {Headers} each secret header replaced by
   *   `X-Holdstill-Redacted: <name>; hmac-sha256=<hex>`; learned values are gone from the others
   */
  headers(headers, where) {
    if (this.keep) return headers;
    for (const [name, value] of headers) if (/^(set-)?cookie2?$/i.test(name)) this.learnCookies(value);
    return headers.map(([name, value]) => {
      if (!SECRET_HEADER.test(name) && !isSecretName(name)) return [name, this.url(value, `${where}, header ${name}`)];
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
    const stripped = this.#parameters(login, where, 0);
    const path = /^[a-z][a-z0-9+.-]*:\/\/[^?#\s]*/i.exec(stripped)?.[0] ?? "";
    return this.text(path, where, { inPath: true }) + this.text(stripped.slice(path.length), where);
  }

  /** @param {string} url @param {string} where @param {number} depth addresses inside parameters so far @returns {string} */
  #parameters(url, where, depth) {
    return url.replace(PARAMETER, (whole, before, name, value) => {
      const [plainName, plain] = [decoded(name), decoded(value)];
      if (isSecretParameter(plainName, value)) {
        this.learn(plainName, value);
        if (plain !== value) this.learn(plainName, plain);
        return `${before}${name}=${this.#take(value, where, `parameter ${plainName}`)}`;
      }
      if (depth >= NESTED_DEPTH || !/[?&#;][^=]+=/.test(plain)) return whole;
      const inner = this.#parameters(plain, where, depth + 1);
      return inner === plain ? whole : `${before}${name}=${plain === value ? inner : encodeURIComponent(inner)}`;
    });
  }

  /**
   * Takes every learned value out of a text, and what follows `Bearer`, however it is spelled there (SecretTrie).
   * @param {string} text @param {string} where @param {{quotedPrintable?: boolean, inPath?: boolean}} [options] MHTML breaks values over lines;
   *   a path keeps what only markup calls a secret
   * @returns {string}
   */
  text(text, where, { quotedPrintable = false, inPath = false } = {}) {
    if (this.keep) return text;
    const bare = text.replace(BEARER, (whole, before, value) => {
      if (!isTokenLike(value) || this.shown.includes(value)) return whole;
      return `${before}${this.#take(value, where, "bearer token")}`;
    });
    return this.trie.replace(bare, (value) => this.#take(value, where, this.known.get(value) ?? "secret"),
      { quotedPrintable, applies: (value) => !inPath || !this.fromMarkup.has(value) });
  }

  /**
   * @template T @param {T} value of JSON @param {string} where @returns {T} with each text in it cleaned, addresses as addresses; never a member's name,
   *   and never the JSON's own syntax, which a page could name a secret
   */
  leaves(value, where) {
    if (typeof value === "string") return /** @type {T} */ (/^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? this.url(value, where) : this.text(value, where));
    if (Array.isArray(value)) return /** @type {T} */ (value.map((entry) => this.leaves(entry, where)));
    if (value === null || typeof value !== "object") return value;
    return /** @type {T} */ (Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, this.leaves(entry, where)])));
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
    const bare = where.replace(PARAMETER, (whole, before, name, value) => (isSecretParameter(decoded(name), value) ? `${before}${name}=…` : whole));
    return this.trie.replace(bare, () => "…");
  }
}

/** @param {string} name @param {string} value @returns {boolean} whether a query parameter is taken for a credential */
export function isSecretParameter(name, value) {
  if (value.length < MIN_LENGTH || HARMLESS.test(value)) return false;
  return isSecretName(name, { inUrl: true }) || (LIKELY_PARAMETER.test(name) && value.length >= LIKELY_MIN_LENGTH) || (RARE_PARAMETER.test(name) && isTokenLike(value));
}

/** @param {string} text @returns {string} percent-decoded where that is possible */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
