import { digitsOf, isHost, segmentsOf } from "./address.js";
import { at, idOf, isObject, textOf } from "./jsonpath.js";
import { onlyYes } from "./draft.js";
import { timeOfEpoch, timeOfTikTokId } from "./times.js";

/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./page.js").StoredPage} StoredPage */
/** @typedef {import("./page.js").ObjectNode} ObjectNode */

const COUNTS = { diggCount: "likes", shareCount: "shares", commentCount: "comments", playCount: "views", collectCount: "saves", repostCount: "reposts",
  digg_count: "likes", share_count: "shares", comment_count: "comments", play_count: "views", collect_count: "saves" };
const LABEL_TYPES = "the platform does not publish what the numbers mean; 0 is no label";
const CLAIMS = /** @type {const} */ ([
  ["ai_label", ["aigcLabelType"], LABEL_TYPES], ["ai_label", ["aigc_info", "aigc_label_type"], LABEL_TYPES], ["ai_label", ["IsAigc"]], ["ai_label", ["ShowAIGC"]],
  ["promoted", ["isAd"]], ["promoted", ["is_ads"]], ["promoted", ["is_ad"]],
  ["paid_partnership", ["isPaidPartnership"]], ["paid_partnership", ["brandedContentType"]], ["paid_partnership", ["is_paid_content"]],
  ["paid_partnership", ["commerce_info", "branded_content_type"]],
]);

/** TikTok: the page's rehydration data, older SIGI_STATE, item lists of its API. */
export const tiktok = {
  name: "tiktok", version: "1", platform: "tiktok",
  /** @param {URL} url @returns {boolean} */
  matches: (url) => isHost(url, "tiktok.com"),
  /** @param {StoredPage} page @param {Draft} draft */
  read(page, draft) {
    const parts = segmentsOf(page.url);
    const handle = parts.find((part) => part.startsWith("@"))?.slice(1) ?? null;
    const kind = parts.findIndex((part) => part === "video" || part === "photo" || part === "v");
    const id = kind < 0 ? null : digitsOf(parts[kind + 1]?.replace(/\.html$/, ""));
    if (id === null) return readAccount(page, draft, handle);
    draft.set("postId", id);
    draft.time(timeOfTikTokId(id));
    const found = [...page.objects((value) => isItem(value, id))].slice(0, 20);
    found.forEach((node) => readItem(node, draft));
    if (found.length === 0) draft.problem("the post is not in the stored JSON");
    if (draft.post.accountHandle === null && handle !== null) {
      draft.set("accountHandle", handle);
      draft.problem("the handle is from the address only");
    }
    draft.set("postUrl", `https://www.tiktok.com/@${draft.post.accountHandle ?? ""}/${parts[kind] === "photo" ? "photo" : "video"}/${id}`);
    draft.expect({ ai_label: ["aigcLabelType", "aigc_info", "IsAigc", "ShowAIGC"], promoted: ["isAd", "is_ads"],
      paid_partnership: ["isPaidPartnership", "brandedContentType", "commerce_info.branded_content_type", "is_paid_content"] });
  },
};

/** @param {Record<string, unknown>} value @param {string} id @returns {boolean} */
function isItem(value, id) {
  return (value.id === id || value.aweme_id === id) && (value.createTime !== undefined || value.create_time !== undefined || textOf(value.desc) !== null);
}

/** @param {ObjectNode} node @param {Draft} draft */
function readItem(node, draft) {
  const { value } = node;
  const author = isObject(value.author) ? value.author : { id: value.authorId, uniqueId: value.author, nickname: value.nickname };
  draft.set("accountId", idOf(author.id ?? author.uid));
  draft.set("accountHandle", author.uniqueId ?? author.unique_id);
  draft.set("accountName", author.nickname);
  draft.set("text", value.desc);
  draft.set("language", value.textLanguage === "un" ? null : value.textLanguage ?? value.desc_language);
  draft.time(timeOfEpoch(value.createTime ?? value.create_time));
  for (const stats of [value.statsV2, value.stats, value.statistics]) {
    for (const [field, name] of Object.entries(COUNTS)) if (!draft.post.counts.some((known) => known.name === name)) draft.count(name, at(stats, field));
  }
  draft.count("followers", at(value, "authorStatsV2", "followerCount") ?? at(value, "authorStats", "followerCount"));
  draft.media("video", textOf(at(value, "video", "playAddr")) ?? at(value, "video", "play_addr", "url_list", 0));
  const images = at(value, "imagePost", "images");
  if (Array.isArray(images)) images.slice(0, 50).forEach((image) => draft.media("image", at(image, "imageURL", "urlList", 0)));
  for (const [kind, path, note] of CLAIMS) draft.claim(kind, node, [...path], note === undefined ? {} : { note });
  draft.claim("ai_label_text", node, ["AIGCDescription"], { says: onlyYes });
  draft.claim("paid_partnership", node, ["BAInfo"], { says: onlyYes });
}

/** @param {StoredPage} page @param {Draft} draft @param {string | null} handle */
function readAccount(page, draft, handle) {
  draft.set("accountHandle", handle);
  draft.problem("the address names no post");
  if (handle === null) return;
  const user = page.first((value) => typeof value.uniqueId === "string" && value.uniqueId.toLowerCase() === handle.toLowerCase() && value.nickname !== undefined);
  draft.set("accountId", idOf(user?.value.id));
  draft.set("accountName", user?.value.nickname);
  const stats = user?.parent === null || user === null ? undefined : at(user.parent?.value, "statsV2") ?? at(user.parent?.value, "stats");
  draft.count("followers", at(stats, "followerCount"));
  draft.count("likes_received", at(stats, "heartCount"));
  draft.count("posts", at(stats, "videoCount"));
}
