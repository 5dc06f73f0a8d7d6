/** @param {URL} url @param {...string} hosts @returns {boolean} the host is one of these or below one */
export function isHost(url, ...hosts) {
  return hosts.some((host) => url.hostname === host || url.hostname.endsWith(`.${host}`));
}

/** @param {URL} url @returns {string[]} decoded, without empty ones */
export function segmentsOf(url) {
  return url.pathname.split("/").filter((part) => part !== "").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
}

/** @param {unknown} written @param {string} [base] @returns {URL | null} */
export function urlOf(written, base) {
  return typeof written === "string" && written.length <= 8192 && URL.canParse(written, base) ? new URL(written, base) : null;
}

/** @param {string | undefined} text @returns {string | null} all digits, at most 25 */
export function digitsOf(text) {
  return text !== undefined && /^\d{1,25}$/.test(text) ? text : null;
}
