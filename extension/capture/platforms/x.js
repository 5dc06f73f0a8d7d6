import { digitsOf, isHost, segmentsOf } from "./address.js";
import { at, idOf, isObject, numberOf, textOf } from "./jsonpath.js";
import { tokensOf } from "./markup.js";
import { onlyYes } from "./draft.js";
import { timeOfText, timeOfXId } from "./times.js";

/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./page.js").StoredPage} StoredPage */
/** @typedef {import("./page.js").ObjectNode} ObjectNode */

const NOT_ACCOUNTS = new Set(["i", "home", "explore", "search", "notifications", "messages", "settings", "hashtag", "compose", "intent", "share", "login", "jobs", "tos", "privacy"]);
const NO_LANGUAGE = /^(und|zxx|q[a-z]{2})$/;
const COUNTS = { favorite_count: "likes", retweet_count: "reposts", reply_count: "replies", quote_count: "quotes", bookmark_count: "bookmarks", conversation_count: "replies" };

/** X: GraphQL answers, the state in the page, the form used by embeds. */
export const x = {
  name: "x", version: "1", platform: "x",
  /** @param {URL} url @returns {boolean} */
  matches: (url) => isHost(url, "x.com", "twitter.com"),
  /** @param {StoredPage} page @param {Draft} draft */
  read(page, draft) {
    const parts = segmentsOf(page.url);
    const status = parts.findIndex((part) => part === "status" || part === "statuses");
    const id = status < 0 ? null : digitsOf(parts[status + 1]);
    const handle = NOT_ACCOUNTS.has(parts[0] ?? "i") ? null : parts[0];
    if (id === null) return readAccount(page, draft, handle);
    draft.set("postId", id);
    draft.time(timeOfXId(id));
    const found = [...page.objects((value) => isPost(value, id))].slice(0, 20);
    found.forEach((node) => readPost(node, page, draft));
    readPromotion(page, draft, id);
    draft.time(displayedTime(page, id));
    if (found.length === 0) draft.problem("the post is not in the stored JSON");
    if (draft.post.accountHandle === null && handle !== null) {
      draft.set("accountHandle", handle);
      draft.problem("the handle is from the address only; the platform does not check it there");
    }
    draft.set("postUrl", `https://x.com/${draft.post.accountHandle ?? "i"}/status/${id}`);
    draft.expect({ community_note: ["birdwatch_pivot", "has_birdwatch_notes"], promoted: ["promotedMetadata"],
      paid_partnership: ["content_disclosure.advertising_disclosure.is_paid_promotion"],
      ai_label: ["content_disclosure.ai_generated_disclosure.has_ai_generated_media"] });
  },
};

/** @param {Record<string, unknown>} value @param {string} id @returns {boolean} */
function isPost(value, id) {
  return (value.rest_id === id && (isObject(value.legacy) || isObject(value.note_tweet))) || (value.id_str === id && textOf(value.full_text ?? value.text) !== null);
}

/** @param {ObjectNode} node @param {StoredPage} page @param {Draft} draft */
function readPost(node, page, draft) {
  const { value } = node;
  const legacy = isObject(value.legacy) ? value.legacy : value;
  readUser(at(value, "core", "user_results", "result") ?? userOf(value.user, page), draft);
  draft.set("text", at(value, "note_tweet", "note_tweet_results", "result", "text") ?? legacy.full_text ?? legacy.text);
  draft.time(timeOfText(legacy.created_at));
  if (typeof legacy.lang === "string" && !NO_LANGUAGE.test(legacy.lang)) draft.set("language", legacy.lang);
  for (const [field, name] of Object.entries(COUNTS)) draft.count(name, legacy[field]);
  draft.count("views", at(value, "views", "count"));
  const media = at(legacy, "extended_entities", "media") ?? at(legacy, "entities", "media") ?? value.mediaDetails;
  if (Array.isArray(media)) media.slice(0, 20).forEach((item) => readMedia(item, draft));
  const versions = at(value, "edit_control", "edit_tweet_ids") ?? at(value, "edit_control", "edit_control_initial", "edit_tweet_ids");
  if (Array.isArray(versions) && versions.length > 1) draft.problem(`edited: ${versions.length} versions are named, each with an id and a time of its own`);
  readClaims(node, draft);
}

/** @param {ObjectNode} node @param {Draft} draft */
function readClaims(node, draft) {
  const shown = draft.claim("community_note", node, ["birdwatch_pivot"], { says: onlyYes });
  const says = at(node.value, "has_birdwatch_notes");
  if (says === true && !shown) draft.claim("community_note_proposed", node, ["has_birdwatch_notes"], { note: "notes exist; whether one is shown is not in the stored JSON" });
  else if (!shown) draft.claim("community_note", node, ["has_birdwatch_notes"]);
  draft.claim("paid_partnership", node, ["content_disclosure", "advertising_disclosure", "is_paid_promotion"]);
  draft.claim("ai_label", node, ["content_disclosure", "ai_generated_disclosure", "has_ai_generated_media"]);
}

/** An advertisement is marked on what places the post on the page, not on the post. @param {StoredPage} page @param {Draft} draft @param {string} id */
function readPromotion(page, draft, id) {
  const placed = page.first((value) => Object.hasOwn(value, "promotedMetadata") && [at(value, "tweet_results", "result", "rest_id"),
    at(value, "tweet_results", "result", "tweet", "rest_id"), at(value, "itemContent", "tweet_results", "result", "rest_id")].includes(id));
  if (placed) draft.claim("promoted", placed, ["promotedMetadata"], { says: onlyYes });
}

/** @param {unknown} user an object, or the id of one in the page's state @param {StoredPage} page @returns {unknown} */
function userOf(user, page) {
  const id = idOf(user);
  return id === null ? user : page.first((value) => (value.id_str === id || value.rest_id === id) && typeof value.screen_name === "string")?.value;
}

/** @param {unknown} user @param {Draft} draft */
function readUser(user, draft) {
  draft.set("accountId", idOf(at(user, "rest_id") ?? at(user, "id_str")));
  draft.set("accountHandle", at(user, "core", "screen_name") ?? at(user, "legacy", "screen_name") ?? at(user, "screen_name"));
  draft.set("accountName", at(user, "core", "name") ?? at(user, "legacy", "name") ?? at(user, "name"));
  draft.count("followers", at(user, "legacy", "followers_count") ?? at(user, "followers_count"));
}

/** @param {unknown} item @param {Draft} draft */
function readMedia(item, draft) {
  const variants = at(item, "video_info", "variants");
  const films = (Array.isArray(variants) ? variants : []).filter((variant) => at(variant, "content_type") === "video/mp4");
  films.sort((left, right) => numberOf(at(right, "bitrate")) - numberOf(at(left, "bitrate")));
  if (films.length > 0) draft.media("video", at(films[0], "url"));
  else draft.media("image", at(item, "media_url_https"));
}

/** @param {StoredPage} page @param {Draft} draft @param {string | null} handle */
function readAccount(page, draft, handle) {
  draft.set("accountHandle", handle);
  const user = handle === null ? null : page.first((value) => [at(value, "core", "screen_name"), at(value, "legacy", "screen_name"), value.screen_name]
    .some((name) => typeof name === "string" && name.toLowerCase() === handle.toLowerCase()) && (value.rest_id ?? value.id_str) !== undefined);
  readUser(user?.value, draft);
  draft.problem("the address names no post");
}

/** The `time` element in the link to the post. @param {StoredPage} page @param {string} id @returns {import("./types.js").PostTime | null} */
function displayedTime(page, id) {
  const link = new RegExp(`/status/${id}(?:[?#]|$)`);
  let isLink = false;
  for (const { kind, name, attributes } of tokensOf(page.html)) {
    if (name === "a") isLink = kind === "open" && link.test(attributes.get("href") ?? "");
    if (isLink && kind === "open" && name === "time") return timeOfText(attributes.get("datetime"), "displayed");
  }
  return null;
}
