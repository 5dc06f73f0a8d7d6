import { LIMITS } from "./limits.js";
import { isObject, nodeAt, pathOf } from "./jsonpath.js";
import { parseCount } from "./counts.js";

/** @typedef {import("./types.js").PostMetadata} PostMetadata */
/** @typedef {import("./types.js").PostTime} PostTime */
/** @typedef {import("./types.js").PageClaim} PageClaim */
/** @typedef {import("./types.js").MediaType} MediaType */
/** @typedef {import("./jsonpath.js").JsonNode} JsonNode */
/** @typedef {{state: "present" | "absent" | "not_checked", reason?: string}} Saying  what a field's value says */

const NOT_STORED = "field not in the stored JSON";
const SOURCES = ["platform_id", "embedded_json", "displayed"];
const SAYS_NO = new Set(["", "0", "none", "no", "false"]);

/**
 * What a field says about the presence of what it is named for. null says nothing: it may mean "no" and it may mean "not told".
 * @param {unknown} value @returns {Saying}
 */
function yesOrNo(value) {
  if (value === null) return { state: "not_checked", reason: "the field is null, which may mean that the platform did not say" };
  if (typeof value === "boolean") return { state: value ? "present" : "absent" };
  if (typeof value === "number") return { state: value === 0 ? "absent" : "present" };
  if (typeof value === "string") return { state: SAYS_NO.has(value.trim().toLowerCase()) ? "absent" : "present" };
  if (Array.isArray(value)) return { state: value.length > 0 ? "present" : "absent" };
  if (isObject(value)) return Object.keys(value).length > 0 ? { state: "present" } : { state: "not_checked", reason: "the field is an empty object" };
  return { state: "not_checked", reason: "the field's value is not understood" };
}

/** For fields that hold a text or an object when there is something, and where being empty is no answer. @param {unknown} value @returns {Saying} */
export function onlyYes(value) {
  const said = yesOrNo(value);
  return said.state === "absent" ? { state: "not_checked", reason: "the field is there and empty" } : said;
}

/** Gathers one post's metadata under its limits. What was set first stands; later sources only fill gaps. */
export class Draft {
  /** @param {{platform: string, module: string, moduleVersion: string, language?: string | null}} start language: of the page, for reading counts */
  constructor({ platform, module, moduleVersion, language = null }) {
    this.pageLanguage = language;
    /** @type {PostMetadata} */
    this.post = { platform, accountId: null, accountHandle: null, accountName: null, postId: null, postUrl: null, postedAt: [], text: null,
      language: null, counts: [], media: [], claims: [], module, moduleVersion, problems: [] };
  }

  /**
   * @param {"accountId" | "accountHandle" | "accountName" | "postId" | "postUrl" | "text" | "language"} name
   * @param {unknown} value anything but a text with something in it is passed over
   */
  set(name, value) {
    if (typeof value !== "string" || value.trim() === "" || this.post[name] !== null) return;
    const limit = name === "text" ? LIMITS.postChars : name === "postUrl" ? LIMITS.urlChars : LIMITS.nameChars;
    if (value.length > limit) this.problem(`${name} was cut at ${limit} characters`);
    this.post[name] = value.slice(0, limit).toWellFormed();
  }

  /** @param {PostTime | null} time */
  time(time) {
    const { postedAt } = this.post;
    if (time === null || postedAt.length >= LIMITS.times) return;
    if (postedAt.some((known) => known.value === time.value && known.source === time.source)) return;
    postedAt.push(time);
    postedAt.sort((left, right) => SOURCES.indexOf(left.source) - SOURCES.indexOf(right.source) || left.precisionS - right.precisionS);
  }

  /** A count that an equal or closer one of the same name says already is not repeated. @param {string} name @param {unknown} written @param {{roundsDown?: boolean}} [how] */
  count(name, written, how = {}) {
    const range = written === undefined || written === null ? null : parseCount(written, { language: this.pageLanguage, ...how });
    if (range === null || this.post.counts.length >= LIMITS.counts) return;
    const isKnown = this.post.counts.some(({ name: other, low, high }) => other === name && low >= range.low && (range.high === null || (high !== null && high <= range.high)));
    if (!isKnown) this.post.counts.push({ name, ...range });
  }

  /** @param {MediaType} type @param {unknown} url */
  media(type, url) {
    if (typeof url !== "string" || !/^https?:\/\//i.test(url) || url.length > LIMITS.urlChars) return;
    if (this.post.media.length >= LIMITS.media) return this.problem(`more than ${LIMITS.media} media: the rest is left out`);
    if (!this.post.media.some((known) => known.url === url)) this.post.media.push({ type, url: url.toWellFormed() });
  }

  /**
   * Records what a field says, if the field is there.
   * @param {string} kind @param {JsonNode} node @param {(string | number)[]} path of the field, from the node
   * @param {{says?: (value: unknown) => Saying, note?: string}} [how] @returns {boolean} whether the field is there
   */
  claim(kind, node, path, { says = yesOrNo, note } = {}) {
    const field = nodeAt(node, ...path);
    if (field === null) return false;
    const { state, reason = null } = says(field.value);
    this.record({ kind, state, value: plain(field.value), where: pathOf(field), platformField: path.join("."), reason, ...(note ? { note } : {}) });
    return true;
  }

  /** A field that cannot be followed by its path alone, such as one of a class in the markup. @param {PageClaim} claim */
  record(claim) {
    const { claims } = this.post;
    if (claims.length >= LIMITS.claims || claims.some(({ kind, where }) => kind === claim.kind && where !== null && where === claim.where)) return;
    claims.push(claim);
  }

  /** Says of each kind that has no claim that nobody looked, because there was nothing to look at. @param {Record<string, string[]>} fields kind → field names */
  expect(fields) {
    for (const [kind, names] of Object.entries(fields)) {
      if (this.post.claims.some((claim) => claim.kind === kind)) continue;
      const reason = names.length > 0 ? NOT_STORED : "no machine-readable field of this platform is known";
      this.record({ kind, state: "not_checked", value: null, where: null, platformField: names.join(" | "), reason });
    }
  }

  /** @param {string} text without page content */
  problem(text) {
    const { problems } = this.post;
    if (problems.length < LIMITS.problems && !problems.includes(text)) problems.push(text.slice(0, LIMITS.problemChars).toWellFormed());
  }
}

/** @param {unknown} value @returns {string | number | boolean | null} */
function plain(value) {
  if (value === null || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))) return value;
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "";
  return text.slice(0, LIMITS.claimChars).toWellFormed();
}
