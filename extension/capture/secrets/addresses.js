import { isSecretParameter } from "./names.js";

/** A value after `;` (a parameter of the path) ends where the query begins; any other may hold a question mark. */
export const PARAMETER = /([?&#;])([^=&#;?\s]{1,300})=((?<=;[^=&#;?\s]{1,300}=)[^&#;?\s]+|[^&#;\s]+)/g;
const ADDRESS = /^[a-z][a-z0-9+.-]*:\/\/[^?#\s]*(?=[?#]\S*$|$)/i;

/** @param {string} text @returns {string} of an address what stands before its query; "" of any other text */
export function pathOf(text) {
  return ADDRESS.exec(text)?.[0] ?? "";
}

/** @param {string} text @returns {string} with `…` for the value of each parameter that is a secret by its name */
export function withoutSecrets(text) {
  return text.replace(PARAMETER, (whole, before, name, value) => (isSecretParameter(decoded(name), value) ? `${before}${name}=…` : whole));
}

/** @param {string} text @returns {string} percent-decoded where that is possible */
export function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
