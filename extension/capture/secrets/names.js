/** Which names stand for credentials: one list for URL parameters, JSON members, assignments, attributes, form fields and headers. */

/** What a password is called in the languages of the extension, folded: Czech, English and German, French, Polish, Romanian, Russian and Ukrainian. */
const PASSWORD = /passw(or)?[dt]|passphrase|passcode|kennwort|heslo|motdepasse|haslo|parola|парол/;
/** These are called so too, and other things: only what is sent under them, or stands in an address, is a password. */
const PASSWORD_WORD = new Set(["pass", "passe", "pwd", "passwd", "mdp", "pw", "psw", "pin", "parol", "пін", "пин"]);
const ANYWHERE = /token(?!i[sz])|csrf|xsrf|jwt|secret|passw(or)?d|passphrase|authorization|apikey|session(id|key)|sess(id|key)|auth(code|key)|authenticitytoken|formkey|wpnonce|fbdtsg|dtsg(ag)?$|session$|clientassertion/;
const WORD = new Set(["sid", "ssid", "otp", "totp", "pwd", "auth", "bearer", "jazoest", "lsd", "gx"]);
const URL_WORD = new Set(["sig", "signature", "hmac", "ticket"]);
const URL_ANYWHERE = /samlre(quest|sponse)|xamzcredential|xgoogcredential/;
const MAX_NAME = 200;

/** @param {string} name @returns {string[][]} the words of each of its parts, in lower case and without accents */
function wordsOf(name) {
  const plain = name.slice(-MAX_NAME).normalize("NFKD").replace(/\p{M}/gu, "").replace(/[łŁ]/g, "l");
  return plain.split(/[[\]./!]+/).map((part) => part.replace(/(?<=[\p{Ll}\p{N}])(?=\p{Lu})/gu, " ").toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean));
}

/**
 * @param {string} name as it is written: `user[password]`, `accessToken`, `X-CSRF-Token`, `#!token`
 * @param {{inUrl?: boolean}} [options] signatures and tickets are credentials in an address, and ordinary words elsewhere
 * @returns {boolean}
 */
export function isSecretName(name, { inUrl = false } = {}) {
  return wordsOf(name).some((words) => {
    const folded = words.join("");
    if (ANYWHERE.test(folded) || PASSWORD.test(folded) || words.some((word) => WORD.has(word))) return true;
    return inUrl && (URL_ANYWHERE.test(folded) || words.some((word) => URL_WORD.has(word) || PASSWORD_WORD.has(word)));
  });
}

/** @param {string} name of a field or parameter @returns {boolean} whether what is sent under it is a password, in any of the extension's languages */
export function isPasswordName(name) {
  return wordsOf(name).some((words) => PASSWORD.test(words.join("")) || words.some((word) => PASSWORD_WORD.has(word.replace(/\d$/, ""))));
}

/** Parameters that often hold a credential and often something harmless: only a long value is taken. */
const LIKELY_PARAMETER = /^(code|key|state|hash|access|credential|assertion)$/i;
const RARE_PARAMETER = /^(magic|invite|invitation|recovery|verification|confirmation|reset|nonce)$/i;
const PATH_WORD = /^(reset|verify|verification|confirm|confirmation|activate|magic|invite|invitation|recover|recovery|unsubscribe|login|signin)$/i;
const LIKELY_MIN_LENGTH = 8;
const MIN_LENGTH = 4;
const HARMLESS = /^(true|false|null|none|undefined|yes|no|\d{1,5})$/i;

/** @param {string} value @returns {boolean} whether it is too short or too plain to be anybody's secret: to take "true" out of a page would falsify it */
export function isHarmless(value) {
  return value.length < MIN_LENGTH || HARMLESS.test(value);
}

/** @param {string} name @param {string} value @returns {boolean} whether a query parameter is taken for a credential */
export function isSecretParameter(name, value) {
  if (isPasswordName(name)) return value !== "";
  if (isHarmless(value)) return false;
  return isSecretName(name, { inUrl: true }) || (LIKELY_PARAMETER.test(name) && value.length >= LIKELY_MIN_LENGTH) || (RARE_PARAMETER.test(name) && isTokenLike(value));
}

/**
 * @param {string} name a part of an address's path @param {string} value the part after it
 * @returns {boolean} whether that is a credential, as in /reset-password/<token>: only what is plainly drawn by lot, for a path says what was captured
 */
export function isSecretPathPart(name, value) {
  return value.length >= 16 && (PATH_WORD.test(name) || isSecretName(name)) && isDrawnByLot(value);
}

const TOKEN = /^[\w\-+/=.~:%|!$*@,&"]{12,}$/;
const DISTINCT = 6;

/**
 * @param {string} value @returns {boolean} whether it looks drawn by lot: no words, no address. A page must not be able to name a sentence of its own a
 *   secret, and have it taken out of the evidence against it.
 */
export function isTokenLike(value) {
  if (!TOKEN.test(value) || value.includes("://") || new Set(value.slice(0, 16)).size < DISTINCT) return false;
  const mixed = /[a-z]/.test(value) && /[A-Z]/.test(value) && value.length >= 20 && /^[\w+/=-]+$/.test(value);
  return (/\d/.test(value) && /[a-z]/i.test(value)) || mixed;
}

const CHANGES = 4;
const CHANGES_PER_CHARACTER = 0.2;

/**
 * @param {string} value @returns {boolean} a stricter question, for values that only the text of a program calls secret: kinds of characters change too often
 *   for words (`oauth2AccessTokenKey`, `article-2026-01-02`). Letters of one case drawn by lot are not recognised.
 */
export function isDrawnByLot(value) {
  if (!isTokenLike(value)) return false;
  let changes = 0;
  for (let at = 1; at < value.length; at += 1) {
    const pair = value.slice(at - 1, at + 1);
    if (/\d[a-z]|[a-z]\d/i.test(pair) || /[a-z][A-Z]/.test(pair)) changes += 1;
  }
  return changes >= CHANGES && changes / value.replace(/[^a-z0-9]/gi, "").length >= CHANGES_PER_CHARACTER;
}
