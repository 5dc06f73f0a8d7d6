import { bytesFromBase64 } from "../bodybytes.js";
import { readBody, bodyName } from "../recorded/bodies.js";
import { findMarkupSecrets, findScriptSecrets } from "./markup.js";
import { isSecretName, isTokenLike } from "./names.js";

/** @typedef {import("../recorded/types.js").Exchange} Exchange */
/** @typedef {import("./stripper.js").SecretStripper} SecretStripper */

/** Bodies that can teach, by media type. */
export const TEACHING = /^(text\/|image\/svg)|json|javascript|ecmascript|xml/i;
const PROGRAM = /javascript|ecmascript|^text\/(css|plain)/i;
export const MAX_TEACHING_BYTES = 4 << 20;
const HARMLESS_NAME = /^(code|key|state|hash|access|credential|assertion|tokens?|sid|ticket)$/i; // too often something else in the data of a page
const FIELD = /^[^\n=&]{1,100}=/;
const PART = /content-disposition: form-data; name="([^"\r\n]{1,100})"\r\n(?:[\w-]{1,60}:[^\r\n]{0,500}\r\n)*\r\n([^\r\n]{4,4096})\r\n/gi;

/**
 * Teaches the stripper every credential that a recording shows, before a byte of it is written: a token that a late answer brings stands in an
 * early one too.
 * @param {SecretStripper} stripper @param {Exchange[]} exchanges @param {FileSystemDirectoryHandle} folder @returns {Promise<void>}
 */
export async function learnFromRecording(stripper, exchanges, folder) {
  if (stripper.keep) return;
  for (const exchange of exchanges) {
    stripper.url(exchange.url, "address");
    for (const [name, value] of [...exchange.requestHeaders, ...exchange.responseHeaders]) stripper.learnHeader(name, value);
    if (exchange.requestBody !== null) learnText(stripper, new TextDecoder().decode(bytesFromBase64(exchange.requestBody)), { isSent: true });
    if (exchange.omitted !== "" || !TEACHING.test(exchange.mime) || exchange.sizeBytes > MAX_TEACHING_BYTES) continue;
    const body = await readBody(folder, bodyName(exchange.key));
    if (body) learnBody(stripper, await body.text(), exchange.mime);
  }
}

/** @param {SecretStripper} stripper @param {string} text of an answer @param {string} mime its media type: of a program's text only what is drawn by lot */
export function learnBody(stripper, text, mime) {
  if (text.length > MAX_TEACHING_BYTES) return;
  if (!PROGRAM.test(mime)) return learnText(stripper, text);
  for (const { name, value } of findScriptSecrets(text)) stripper.learnMarkup(name, value);
  return undefined;
}

/**
 * Members of JSON with a credential's name. In the data of a page `nonce`, `signature` or `verification` are ordinary words, which they are not in an
 * address: such members stay. A sentence of an answer stays, and what the page shows, unless it was sent and looks drawn by lot: a page must not be able to
 * name its own words secrets.
 * @param {SecretStripper} stripper @param {string} text that may be JSON @param {boolean} isSent by the person's browser: a password may hold anything
 */
function learnJson(stripper, text, isSent) {
  try {
    JSON.parse(text, (name, value) => {
      if (typeof value !== "string" || !isSecretName(name) || HARMLESS_NAME.test(name)) return value;
      if (isSent || !/\s/.test(value)) stripper.learn(`field ${name}`, value, { isClaim: !isSent || !isTokenLike(value) });
      return value;
    });
  } catch { /* no JSON after all: what markup shows has been learned */ }
}

/** @param {SecretStripper} stripper @param {string} text of a document, of JSON or of a form @param {{isSent?: boolean}} [options] isSent: the body of a request */
export function learnText(stripper, text, { isSent = false } = {}) {
  for (const { name, value } of findMarkupSecrets(text)) stripper.learnMarkup(name, value);
  if (/^\s*[{[]/.test(text)) learnJson(stripper, text, isSent);
  if (isSent) for (const [, name, value] of text.matchAll(PART)) if (isSecretName(name)) stripper.learn(`field ${name}`, value);
  if (FIELD.test(text)) stripper.url(`?${text}`, "address");
}
