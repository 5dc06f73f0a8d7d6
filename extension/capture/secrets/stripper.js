import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { hex, utf8 } from "../../seal/encoding.js";
import { decoded, PARAMETER, pathOf, withoutSecrets } from "./addresses.js";
import { clearPasswordFields } from "./markup.js";
import { isDrawnByLot, isHarmless, isPasswordName, isSecretName, isSecretParameter, isSecretPathPart, isTokenLike } from "./names.js";
import { loginOf, replaceSent } from "./sent.js";
import { decodedWhole, SecretTrie } from "./trie.js";

/** @typedef {import("../types.js").RemovedSecret} RemovedSecret */
/** @typedef {import("../../archive/http.js").Headers} Headers */

const SECRET_HEADER = /^(dpop|x-ig-www-claim|cookie2?|set-cookie2?|authorization|proxy-authorization|authentication|x-?(csrf|xsrf).*|.*(csrf|xsrf)-?token|.*-(api-?key|auth|token|secret|session(-id)?)|x-auth.*|api-?key)$/i;
const BEARER = /\b(Bearer(?:\s|%20|\+)+)([\w.~+/=-]{12,})/gi;
const PATH_PART = /\/([\w.-]{2,40})\/([\w~+=-]{16,512})(?![\w~+=-])/g;
const WEB_TOKEN = /(?<![\w-])eyJ[\w-]{8,4096}(?:\.[\w-]{8,4096}){2,4}/g;
const NESTED_DEPTH = 4;
/** Values that only a page calls secret, then those of addresses and headers beside them, and the person's own: none may use up another's room. */
const MAX_CLAIMED = 500;
const MAX_NAMED = 1000;
const MAX_OWN = 1000;
const MAX_LEARNED_LENGTH = 8192;
/** What was sent waits, up to this many fields of this length, for the page to say which of them was a password field. */
const MAX_FIELDS = 500;
const MAX_FIELD_LENGTH = 300;

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
    this.room = { own: MAX_OWN, named: MAX_NAMED };
    /** What the picture shows anyway: the page's address, title, text. */
    this.shown = "";
    /** Of the addresses of the page and its frames what stands before the query. */
    this.addresses = "";
    /** @type {Set<string>} known values that are not drawn by lot: such a page's own address may say */
    this.words = new Set();
    /** @type {Set<string>} names and ids of the page's password fields, in lower case */
    this.passwordNames = new Set();
    /** @type {Map<string, string>} fields that were sent under names that say nothing: `<name>\n<value>` → name in lower case */
    this.sentFields = new Map();
    /** Values that were not learned because there were too many. */
    this.unlearned = 0;
  }

  /** @returns {RemovedSecret[]} each place and name once; the list of what was removed does not hold it */
  get removed() {
    const places = [...this.removedByPlace.values()].map(({ where, name }) => ({ where: this.#bare(where), name }));
    return [...new Map(places.map((place) => [`${place.where}\n${place.name}`, place])).values()];
  }

  /** @param {string | import("../../seal/encoding.js").Bytes} value @returns {string} its HMAC-SHA-256, 64 hex digits */
  digest(value) {
    return hex(hmac(sha256, this.key, typeof value === "string" ? utf8(value) : value));
  }

  /**
   * Remembers a secret's value, so that `text` and `url` take it out wherever it stands.
   * @param {string} name @param {string} value too short or too plain ones are not learned: taking "true" out of a page would falsify it
   * @param {{isClaim?: boolean, isOwn?: boolean, isSent?: boolean}} [options] isClaim: the page may be lying. What is not drawn by lot always is a claim: a page
   *   can give its own words to an address or a header. isOwn: a cookie, a login or a password that was sent: nothing else uses up their room. Of these
   *   and of what isSent less is asked, but what the page's own address says is kept of them too
   */
  learn(name, value, { isOwn = false, isSent = isOwn, isClaim = isSent ? !isTokenLike(value) : !isDrawnByLot(decoded(value)) } = {}) {
    if (isHarmless(value) || value.length > MAX_LEARNED_LENGTH || value.startsWith("holdstill-redacted-")) return;
    const isWord = !isDrawnByLot(decoded(value));
    if ((isClaim && this.shown.includes(value)) || (isWord && [value, decodedWhole(value)].some((one) => this.addresses.includes(one)))) return;
    if (!isClaim) this.claims.delete(value); // a cookie's value is a secret whatever else says so
    if (this.known.has(value)) return;
    const budget = isOwn ? "own" : "named";
    if (this.room[budget] === 0) {
      this.unlearned += 1;
      return;
    }
    this.room[budget] -= 1;
    if (isClaim) this.claims.add(value);
    if (isWord) this.words.add(value);
    this.known.set(value, name);
    const read = decodedWhole(value);
    this.trie.add(value, { decoded: read !== value && !isHarmless(read) && (isSent || isDrawnByLot(read)) && !this.shown.includes(read) });
  }

  /**
   * Remembers what the page's own markup calls a secret, if it looks like one and is not what the page shows: a page must not choose what is
   * erased from the evidence. At most 500 are looked at; `unlearned` counts the rest.
   * @param {string} name @param {string} value
   */
  learnMarkup(name, value) {
    if (isTokenLike(value)) this.learnClaim(name, value);
  }

  /** The same for a value of any look: a member of an answer. @param {string} name @param {string} value */
  learnClaim(name, value) {
    if (this.claimed.has(value) || isHarmless(value)) return;
    if (this.claimed.size >= MAX_CLAIMED) {
      this.unlearned += 1;
      return;
    }
    this.claimed.add(value);
    this.learn(name, value, { isClaim: true });
  }

  /** Tells what stands in the picture: of that no claim is believed, and those that were are forgotten. @param {string[]} texts */
  show(...texts) {
    const plain = texts.map((text) => (pathOf(text) === "" ? text : withoutSecrets(text)));
    const more = plain.flatMap((text) => [text, decoded(text)]).join("\n");
    this.shown += `\n${more}`;
    this.addresses += texts.map(pathOf).filter(Boolean).flatMap((text) => [`\n${text}`, `\n${decoded(text)}`]).join("");
    for (const value of [...this.claims, ...this.words]) {
      const isSaid = (/** @type {string} */ one) => (this.claims.has(value) && more.includes(one)) || this.addresses.includes(one);
      if (!isSaid(value) && !isSaid(decodedWhole(value))) continue;
      this.claims.delete(value);
      this.words.delete(value);
      this.known.delete(value);
      this.trie.remove(value);
    }
  }

  /** Tells what the page's password fields are called: what was sent under these names is a password. @param {string[]} names */
  expectPasswords(names) {
    for (const name of names) if (this.passwordNames.size < MAX_FIELDS) this.passwordNames.add(name.toLowerCase());
    for (const [field, name] of this.sentFields) if (this.passwordNames.has(name)) this.learn(`field ${name}`, field.slice(field.indexOf("\n") + 1), { isOwn: true });
  }

  /** Remembers what was sent under a credential's name, so that it is found where it is echoed. @param {string} text the body of a request */
  learnSent(text) {
    replaceSent(text, { take: (name, value) => (this.learn(`field ${name}`, value, { isSent: true, isOwn: this.#isPassword(name) }), value), isSecret: (name, value) => {
      if (this.#isSecretField(name, value)) return true;
      if (value.length <= MAX_FIELD_LENGTH && this.sentFields.size < MAX_FIELDS) this.sentFields.set(`${name}\n${value}`, name.toLowerCase());
      return false;
    } });
  }

  /**
   * @param {string} text the body of a request @param {string} where @returns {string} without what was sent under a credential's name, whatever it looks
   *   like, and without learned values
   */
  sent(text, where) {
    if (this.keep) return text;
    const clean = replaceSent(text, { isSecret: (name, value) => this.#isSecretField(name, value), take: (name, value) => this.#take(value, where, `field ${name}`) });
    return this.text(clean, where);
  }

  /** @param {string} name @returns {boolean} */
  #isPassword(name) {
    return this.passwordNames.has(name.toLowerCase()) || isPasswordName(name);
  }

  /** @param {string} name @param {string} value @returns {boolean} */
  #isSecretField(name, value) {
    return this.#isPassword(name) || isSecretName(name, { inUrl: true }) || isSecretParameter(name, value);
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
    if (isRandom || (value.length >= 8 && isSecretName(name))) this.learn(`cookie ${name}`, value.replace(/^"|"$/g, ""), { isOwn: true });
  }

  /** Remembers what a header holds of credentials, a login's name and password too. @param {string} name @param {string} value */
  learnHeader(name, value) {
    if (/^(set-)?cookie2?$/i.test(name)) this.learnCookies(value);
    else if (/^(proxy-)?authorization$/i.test(name)) {
      const credentials = value.replace(/^\S+\s+/, "");
      this.learn("authorization", credentials, { isOwn: true });
      if (/^basic\s/i.test(value)) for (const part of loginOf(credentials)) this.learn("password", part, { isOwn: true });
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
      if (isSecretParameter(plainName, value) || (this.passwordNames.has(plainName.toLowerCase()) && !this.shown.includes(plain))) {
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
    const unfilled = clearPasswordFields(text, (value) => this.#take(value, where, "password field"), { quotedPrintable });
    const bare = unfilled.replace(BEARER, (whole, before, value) => {
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
    return this.trie.replace(withoutSecrets(where).replace(WEB_TOKEN, "…"), () => "…", { applies: (value) => this.known.has(value) });
  }
}
