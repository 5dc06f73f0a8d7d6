/** Which sites are captured while browsing: one pattern a line, `example.org`, `*.example.org`, `example.org/path`. */

const HOST = /^(\*\.)?[\p{L}\p{N}]([\p{L}\p{N}.-]*[\p{L}\p{N}])?(:\d{1,5})?$/u;
const MAX_PATTERNS = 500;

/** @typedef {{host: string, withSubdomains: boolean, path: string}} Pattern  host: as URLs write it, with a port where one is named; path: beginning */

/**
 * @param {string} text @returns {{patterns: Pattern[], errors: {line: number, text: string}[]}} `*` alone is refused: a list names its sites
 */
export function parsePatterns(text) {
  /** @type {Pattern[]} */
  const patterns = [];
  const errors = [];
  for (const [at, raw] of text.split("\n").entries()) {
    if (raw.trim() === "" || raw.trim().startsWith("#")) continue;
    const pattern = parsePattern(raw.trim().replace(/^https?:\/\//i, ""));
    if (pattern === null || patterns.length >= MAX_PATTERNS) errors.push({ line: at + 1, text: raw.trim().slice(0, 80) });
    else patterns.push(pattern);
  }
  return { patterns, errors };
}

/** @param {string} line @returns {Pattern | null} */
function parsePattern(line) {
  const slash = line.indexOf("/");
  const written = slash < 0 ? line : line.slice(0, slash);
  if (!HOST.test(written) || written.includes("..")) return null;
  const withSubdomains = written.startsWith("*.");
  const url = `http://${withSubdomains ? written.slice(2) : written}`;
  if (!URL.canParse(url)) return null;
  return { host: new URL(url).host, withSubdomains, path: slash < 0 ? "/" : line.slice(slash).replace(/\*$/, "") };
}

/** @param {Pattern[]} patterns @param {string} url @returns {Pattern | undefined} the first that fits; only http and https; one without a port fits every port */
export function findPattern(patterns, url) {
  if (!URL.canParse(url)) return undefined;
  const { protocol, host, hostname, pathname } = new URL(url);
  if (protocol !== "http:" && protocol !== "https:") return undefined;
  return patterns.find((pattern) => {
    const own = pattern.host.includes(":") ? host : hostname;
    const fits = own === pattern.host || (pattern.withSubdomains && own.endsWith(`.${pattern.host}`));
    return fits && pathname.startsWith(pattern.path);
  });
}

/** @param {Pattern[]} patterns @param {string} url @returns {boolean} */
export function isListed(patterns, url) {
  return findPattern(patterns, url) !== undefined;
}
