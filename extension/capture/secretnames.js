/** Which names stand for credentials: one list for URL parameters, JSON members, assignments, attributes, form fields and headers. */

const ANYWHERE = /token(?!i[sz])|csrf|xsrf|jwt|secret|passw(or)?d|passphrase|authorization|apikey|session(id|key)|sess(id|key)|auth(code|key)|authenticitytoken|formkey|wpnonce|fbdtsg|dtsg(ag)?$|session$|clientassertion/;
const WORD = new Set(["sid", "ssid", "otp", "totp", "pwd", "auth", "bearer", "jazoest", "lsd", "gx"]);
const URL_WORD = new Set(["sig", "signature", "hmac", "ticket"]);
const URL_ANYWHERE = /samlre(quest|sponse)|xamzcredential|xgoogcredential/;
const MAX_NAME = 200;

/**
 * @param {string} name as it is written: `user[password]`, `accessToken`, `X-CSRF-Token`, `#!token`
 * @param {{inUrl?: boolean}} [options] signatures and tickets are credentials in an address, and ordinary words elsewhere
 * @returns {boolean}
 */
export function isSecretName(name, { inUrl = false } = {}) {
  return name.slice(-MAX_NAME).split(/[[\]./!]+/).some((part) => {
    const words = part.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase().split(/[^a-z0-9]+/).filter(Boolean);
    const folded = words.join("");
    if (ANYWHERE.test(folded) || words.some((word) => WORD.has(word))) return true;
    return inUrl && (URL_ANYWHERE.test(folded) || words.some((word) => URL_WORD.has(word)));
  });
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
