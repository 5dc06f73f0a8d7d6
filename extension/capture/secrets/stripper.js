import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { hex, utf8 } from "../../seal/encoding.js";
import { isHarmless, isSecretName, isSecretParameter, isSecretPathPart, isTokenLike } from "./names.js";
import { SecretTrie } from "./trie.js";

/** @typedef {import("../types.js").RemovedSecret} RemovedSecret */
/** @typedef {import("../../archive/http.js").Headers} Headers */

const SECRET_HEADER = /^(dpop|x-ig-www-claim|cookie2?|set-cookie2?|authorization|proxy-authorization|authentication|x-?(csrf|xsrf).*|.*(csrf|xsrf)-?token|.*-(api-?key|auth|token|secret|session(-id)?)|x-auth.*|api-?key)$/i;
/** A value after `;` (a parameter of the path) ends where the query begins; any other may hold a question mark. */
const PARAMETER = /([?&#;])([^=&#;?\s]{1,300})=((?<=;[^=&#;?\s]{1,300}=)[^&#;?\s]+|[^&#;\s]+)/g;
const BEARER = /\b(Bearer(?:\s|%20|\+)+)([\w.~+/=-]{12,})/gi;
const PATH_PART = /\/([\w.-]{2,40})\/([\w~+=-]{16,512})(?![\w~+=-])/g;
const WEB_TOKEN = /\beyJ[\w-]{8,4096}(?:\.[\w-]{8,4096}){2,4}/g;
const NESTED_DEPTH = 4;
const MAX_LEARNED = 500;
const MAX_LEARNED_LENGTH = 8192;

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
    /** @type {Set<string>} values that a page may have called secret to have them erased: kept in every path, and wherever the page shows them */
    this.claims = new Set();
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
   * @param {{isClaim?: boolean}} [options] isClaim: the page may be lying. What is not drawn by lot always is a claim: a page can give its own words to a
   *   cookie, a header or an address
   */
  learn(name, value, { isClaim = !isTokenLike(value) } = {}) {
    if (isHarmless(value) || value.length > MAX_LEARNED_LENGTH || value.startsWith("holdstill-redacted-")) return;
    if (isClaim && this.shown.includes(value)) return;
    if (!isClaim) this.claims.delete(value); // a cookie's value or a parameter's is a secret whatever else says so
    if (this.known.has(value)) return;
    if (this.known.size >= 2 * MAX_LEARNED) {
      this.unlearned += 1;
      return;
    }
    if (isClaim) this.claims.add(value);
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
    this.learn(name, value, { isClaim: true });
  }

  /** Tells what stands in the picture: of that no claim is believed, and those that were are forgotten. @param {string[]} texts */
  show(...texts) {
    const more = texts.flatMap((text) => [text, decoded(text)]).join("\n");
    this.shown += `\n${more}`;
    for (const value of this.claims) {
      if (!more.includes(value)) continue;
      this.claims.delete(value);
      this.known.delete(value);
    }
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

  /** Remembers what a header holds of credentials, a login's name and password too. @param {string} name @param {string} value */
  learnHeader(name, value) {
    if (/^(set-)?cookie2?$/i.test(name)) this.learnCookies(value);
    else if (/^(proxy-)?authorization$/i.test(name)) {
      const credentials = value.replace(/^\S+\s+/, "");
      this.learn("authorization", credentials);
      if (/^basic\s/i.test(value)) for (const part of loginOf(credentials)) this.learn("password", part);
    } else if (SECRET_HEADER.test(name)) this.learn(`header ${name}`, value);
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
    const stripped = this.#parameters(this.#pathParts(this.#webTokens(login, where), where), where, 0);
    const path = /^[a-z][a-z0-9+.-]*:\/\/[^?#\s]*/i.exec(stripped)?.[0] ?? "";
    return this.text(path, where, { inPath: true }) + this.text(stripped.slice(path.length), where);
  }

  /** @param {string} text @param {string} where @returns {string} */
  #webTokens(text, where) {
    return text.replace(WEB_TOKEN, (value) => (this.shown.includes(value) ? value : this.#take(value, where, "web token")));
  }

  /** @param {string} url @param {string} where @returns {string} without what follows `/token/` and the like, if it is plainly drawn by lot */
  #pathParts(url, where) {
    return url.replace(PATH_PART, (whole, name, value) => {
      if (!isSecretPathPart(name, value)) return whole;
      this.learn(`path ${name}`, value);
      return `/${name}/${this.#take(value, where, `path ${name}`)}`;
    });
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
   * Takes every learned value out of a text, web tokens, and what follows `Bearer`, however it is spelled there (SecretTrie).
   * @param {string} text @param {string} where @param {{quotedPrintable?: boolean, inPath?: boolean}} [options] MHTML breaks values over lines;
   *   a path keeps what only the page calls a secret
   * @returns {string}
   */
  text(text, where, { quotedPrintable = false, inPath = false } = {}) {
    if (this.keep) return text;
    const bare = text.replace(BEARER, (whole, before, value) => {
      if (!isTokenLike(value) || this.shown.includes(value)) return whole;
      return `${before}${this.#take(value, where, "bearer token")}`;
    });
    return this.trie.replace(this.#webTokens(bare, where), (value) => this.#take(value, where, this.known.get(value) ?? "secret"),
      { quotedPrintable, applies: (value) => this.known.has(value) && (!inPath || !this.claims.has(value)) });
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
    return this.trie.replace(bare.replace(WEB_TOKEN, "…"), () => "…", { applies: (value) => this.known.has(value) });
  }
}

/** @param {string} credentials of the scheme Basic @returns {string[]} the password. Source: RFC 7617 §2 */
function loginOf(credentials) {
  try {
    return [atob(credentials).replace(/^[^:]*:/, "")];
  } catch {
    return [];
  }
}

/** @param {string} text @returns {string} percent-decoded where that is possible */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
