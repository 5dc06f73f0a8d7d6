import { digitsOf, isHost, segmentsOf } from "./address.js";
import { at, idOf, isObject, textOf } from "./jsonpath.js";
import { onlyYes } from "./draft.js";
import { instagramIdOfCode, timeOfEpoch, timeOfInstagramId } from "./times.js";

/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./page.js").StoredPage} StoredPage */
/** @typedef {import("./page.js").ObjectNode} ObjectNode */

const KINDS = new Set(["p", "reel", "reels", "tv"]);
const NOT_ACCOUNTS = new Set([...KINDS, "stories", "explore", "accounts", "direct", "about", "legal", "challenge"]);
const COUNTS = /** @type {const} */ ([["likes", "like_count"], ["comments", "comment_count"], ["views", "play_count"], ["views", "view_count"], ["views", "video_view_count"],
  ["views_instagram", "ig_play_count"], ["views_facebook", "fb_play_count"], ["shares", "reshare_count"]]);

/** Instagram: `XDTMediaDict` and API items, and the older `shortcode_media`. */
export const instagram = {
  name: "instagram", version: "1", platform: "instagram",
  /** @param {URL} url @returns {boolean} */
  matches: (url) => isHost(url, "instagram.com"),
  /** @param {StoredPage} page @param {Draft} draft */
  read(page, draft) {
    const parts = segmentsOf(page.url);
    const kind = parts.findIndex((part) => KINDS.has(part));
    const code = kind >= 0 && /^[\w-]{5,60}$/.test(parts[kind + 1] ?? "") ? parts[kind + 1] : null;
    const storyId = parts[0] === "stories" ? digitsOf(parts[2]) : null;
    const handle = parts[0] === "stories" ? parts[1] ?? null : NOT_ACCOUNTS.has(parts[0] ?? "p") ? null : parts[0];
    const id = storyId ?? (code === null ? null : instagramIdOfCode(code));
    if (code === null && storyId === null) return readAccount(page, draft, handle);
    draft.set("postId", id);
    if (id !== null) draft.time(timeOfInstagramId(id));
    else draft.problem("the short code gives no id");
    draft.set("postUrl", code === null ? `https://www.instagram.com/stories/${handle}/${storyId}/` : `https://www.instagram.com/p/${code}/`);
    const found = [...page.objects((value) => isMedium(value, code, id))].slice(0, 20);
    found.forEach((node) => readMedium(node, draft));
    if (found.length === 0) draft.problem("the post is not in the stored JSON");
    draft.set("accountHandle", handle);
    draft.expect({ ai_label: ["gen_ai_detection_method.detection_method", "has_high_risk_gen_ai_inform_treatment"], paid_partnership: ["is_paid_partnership", "sponsor_tags"],
      promoted: ["is_ad", "ad_id"] });
  },
};

/** @param {Record<string, unknown>} value @param {string | null} code @param {string | null} id @returns {boolean} */
function isMedium(value, code, id) {
  const named = (code !== null && (value.code === code || value.shortcode === code)) || (id !== null && (idOf(value.pk) === id || idOf(value.id) === id || textOf(value.id)?.startsWith(`${id}_`) === true));
  return named && ["taken_at", "taken_at_timestamp", "caption", "edge_media_to_caption", "user", "owner", "image_versions2", "gen_ai_detection_method"].some((key) => Object.hasOwn(value, key));
}

/** @param {ObjectNode} node @param {Draft} draft */
function readMedium(node, draft) {
  const { value } = node;
  const owner = isObject(value.user) ? value.user : value.owner;
  draft.set("accountId", idOf(at(owner, "pk") ?? at(owner, "id")));
  draft.set("accountHandle", at(owner, "username"));
  draft.set("accountName", at(owner, "full_name"));
  draft.time(timeOfEpoch(value.taken_at ?? value.taken_at_timestamp));
  draft.set("text", at(value, "caption", "text") ?? at(value, "edge_media_to_caption", "edges", 0, "node", "text"));
  for (const [name, field] of COUNTS) draft.count(name, value[field]);
  draft.count("likes", at(value, "edge_media_preview_like", "count"));
  draft.count("comments", at(value, "edge_media_to_parent_comment", "count") ?? at(value, "edge_media_to_comment", "count"));
  if (value.like_and_view_counts_disabled === true) draft.problem("the account hides its counts of likes and views");
  const slides = Array.isArray(value.carousel_media) ? value.carousel_media : [value];
  slides.slice(0, 20).forEach((slide) => readFiles(slide, draft));
  draft.claim("ai_label", node, at(value, "gen_ai_detection_method", "detection_method") === undefined ? ["gen_ai_detection_method"] : ["gen_ai_detection_method", "detection_method"]);
  draft.claim("ai_label_high_risk", node, ["has_high_risk_gen_ai_inform_treatment"]);
  draft.claim("paid_partnership", node, ["is_paid_partnership"]);
  draft.claim("paid_partnership", node, ["sponsor_tags"]);
  draft.claim("promoted", node, ["is_ad"]);
  draft.claim("promoted", node, ["ad_id"], { says: onlyYes });
}

/** @param {unknown} slide @param {Draft} draft */
function readFiles(slide, draft) {
  const film = textOf(at(slide, "video_versions", 0, "url")) ?? textOf(at(slide, "video_url"));
  if (film !== null) draft.media("video", film);
  else draft.media("image", textOf(at(slide, "image_versions2", "candidates", 0, "url")) ?? at(slide, "display_url"));
}

/** @param {StoredPage} page @param {Draft} draft @param {string | null} handle */
function readAccount(page, draft, handle) {
  draft.set("accountHandle", handle);
  draft.problem("the address names no post");
  if (handle === null) return;
  for (const { value } of page.objects((object) => typeof object.username === "string" && object.username.toLowerCase() === handle.toLowerCase())) {
    draft.set("accountId", idOf(value.pk ?? value.id));
    draft.set("accountName", value.full_name);
    draft.count("followers", value.follower_count ?? at(value, "edge_followed_by", "count"));
  }
}
