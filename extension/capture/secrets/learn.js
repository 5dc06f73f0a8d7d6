import { bytesFromBase64 } from "../bodybytes.js";
import { readBody, bodyName } from "../recorded/bodies.js";
import { findMarkupSecrets, findPasswordNames, findScriptSecrets } from "./markup.js";
import { isSecretName } from "./names.js";

/** @typedef {import("../recorded/types.js").Exchange} Exchange */
/** @typedef {import("./stripper.js").SecretStripper} SecretStripper */

/** Bodies that can teach, by media type. */
export const TEACHING = /^(text\/|image\/svg)|json|javascript|ecmascript|xml/i;
const PROGRAM = /javascript|ecmascript|^text\/(css|plain)/i;
export const MAX_TEACHING_BYTES = 4 << 20;
const HARMLESS_NAME = /^(code|key|state|hash|access|credential|assertion|tokens?|sid|ticket)$/i; // too often something else in the data of a page
const OWN_HEADER = /^(cookie2?|(proxy-)?authorization)$/i;
const FIELD = /^[^\n=&]{1,100}=/;

/**
 * Teaches the stripper every credential that a recording shows, before a byte of it is written: a token that a late answer brings stands in an
 * early one too.
 * @param {SecretStripper} stripper @param {Exchange[]} exchanges @param {FileSystemDirectoryHandle} folder @returns {Promise<void>}
 */
export async function learnFromRecording(stripper, exchanges, folder) {
  if (stripper.keep) return;
  learnOwn(stripper, exchanges.map(({ requestHeaders, requestBody }) => ({ requestHeaders, body: requestBody === null ? null : bytesFromBase64(requestBody) })));
  for (const exchange of exchanges) {
    stripper.url(exchange.url, "address");
    for (const [name, value] of exchange.responseHeaders) stripper.learnHeader(name, value);
    if (exchange.omitted !== "" || !TEACHING.test(exchange.mime) || exchange.sizeBytes > MAX_TEACHING_BYTES) continue;
    const body = await readBody(folder, bodyName(exchange.key));
    if (body) learnBody(stripper, await body.text(), exchange.mime);
  }
}

/**
 * What is the person's own, of a whole load and before anything that a page names: cookies and logins that were sent, then the bodies.
 * @param {SecretStripper} stripper @param {{requestHeaders: [string, string][], body: import("../../seal/encoding.js").Bytes | null}[]} requests
 */
export function learnOwn(stripper, requests) {
  for (const { requestHeaders } of requests) for (const [name, value] of requestHeaders) if (OWN_HEADER.test(name)) stripper.learnHeader(name, value);
  for (const { body } of requests) if (body) learnText(stripper, new TextDecoder().decode(body), { isSent: true });
  for (const { requestHeaders } of requests) for (const [name, value] of requestHeaders) stripper.learnHeader(name, value);
}

/** @param {SecretStripper} stripper @param {string} text of an answer @param {string} mime its media type: of a program's text only what is drawn by lot */
export function learnBody(stripper, text, mime) {
  if (text.length > MAX_TEACHING_BYTES) return;
  if (!PROGRAM.test(mime)) return learnText(stripper, text);
  for (const { name, value } of findScriptSecrets(text)) stripper.learnMarkup(name, value);
  return undefined;
}

/**
 * Members of JSON with a credential's name, in an answer. In the data of a page `nonce`, `signature` or `verification` are ordinary words, which they are not in an
 * address: such members stay. A sentence stays, and what the page shows: a page must not be able to name its own words secrets.
 * @param {SecretStripper} stripper @param {string} text that may be JSON
 */
function learnJson(stripper, text) {
  try {
    JSON.parse(text, (name, value) => {
      if (typeof value === "string" && isSecretName(name) && !HARMLESS_NAME.test(name) && !/\s/.test(value)) stripper.learnClaim(`field ${name}`, value);
      return value;
    });
  } catch { /* no JSON after all: what markup shows has been learned */ }
}

/** @param {SecretStripper} stripper @param {string} text of a document, of JSON or of a form @param {{isSent?: boolean}} [options] isSent: the body of a request */
export function learnText(stripper, text, { isSent = false } = {}) {
  if (isSent) stripper.learnSent(text);
  else stripper.expectPasswords(findPasswordNames(text));
  for (const { name, value } of findMarkupSecrets(text)) stripper.learnMarkup(name, value);
  if (!isSent && /^\s*[{[]/.test(text)) learnJson(stripper, text);
  if (FIELD.test(text)) stripper.url(`?${text}`, "address");
}
