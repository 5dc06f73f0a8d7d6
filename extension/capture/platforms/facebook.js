import { digitsOf, isHost, segmentsOf, urlOf } from "./address.js";
import { at, idOf, isObject, textOf } from "./jsonpath.js";
import { onlyYes } from "./draft.js";
import { timeOfEpoch } from "./times.js";

/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./page.js").StoredPage} StoredPage */
/** @typedef {import("./page.js").ObjectNode} ObjectNode */

/** What stands below these belongs to another post or to those who comment. */
const OTHERS = new Set(["attached_story", "comments", "comment_rendering_instance", "interesting_top_level_comments", "display_comments", "replies", "replies_connection", "viewer"]);
const NOT_ACCOUNTS = new Set(["watch", "reel", "story.php", "permalink.php", "photo", "photo.php", "video.php", "groups", "share", "events", "hashtag", "marketplace", "gaming", "login", "profile.php", "media", "stories"]);
const CONTENT = ["message", "creation_time", "created_time", "publish_time", "actors", "owner", "comet_sections", "savable_description", "feedback"];

/** Facebook: stories in the page's relay data and in GraphQL answers. One story stands in several fragments; they are read together. */
export const facebook = {
  name: "facebook", version: "1", platform: "facebook",
  /** @param {URL} url @returns {boolean} */
  matches: (url) => isHost(url, "facebook.com", "fb.com", "fb.watch") && !/^\/ads\/library/.test(url.pathname),
  /** @param {StoredPage} page @param {Draft} draft */
  read(page, draft) {
    const { id, handle } = placeOf(page.url);
    if (id === null) return readAccount(page, draft, handle);
    const stories = storiesOf(page, id);
    stories.forEach((node) => readStory(node, page, draft));
    draft.set("postId", stories.map(({ value }) => idOf(value.post_id)).find((found) => found !== null) ?? id);
    if (stories.length === 0) draft.problem("the post is not in the stored JSON");
    if (handle !== null) draft.set(digitsOf(handle) === null ? "accountHandle" : "accountId", handle);
    const account = draft.post.accountHandle ?? draft.post.accountId;
    draft.set("postUrl", account === null ? `https://www.facebook.com/${draft.post.postId}` : `https://www.facebook.com/${account}/posts/${draft.post.postId}`);
    draft.expect({ promoted: ["sponsored_data", "is_sponsored"], paid_partnership: ["sponsor_relationship", "branded_content_integrity_context"],
      ai_label: ["gen_ai_detection_method"] });
  },
};

/** @param {URL} url @returns {{id: string | null, handle: string | null}} id: digits, or the "pfbid…" of an address */
function placeOf(url) {
  const parts = segmentsOf(url);
  const query = ["story_fbid", "fbid", "v", "multi_permalinks"].map((name) => url.searchParams.get(name)).find((value) => value !== null && isPostId(value));
  const marked = parts.findIndex((part) => ["posts", "permalink", "videos", "reel", "photos"].includes(part));
  const last = marked < 0 ? null : parts.slice(marked + 1).reverse().find(isPostId);
  const [first] = parts;
  const handle = first === undefined || NOT_ACCOUNTS.has(first) || !/^[\w.-]{2,100}$/.test(first) ? digitsOf(url.searchParams.get("id") ?? undefined) : first;
  return { id: last ?? query ?? null, handle };
}

/** @param {string} text @returns {boolean} */
function isPostId(text) {
  return /^(\d{5,25}|pfbid[A-Za-z0-9]{20,200})$/.test(text);
}

/** @param {StoredPage} page @param {string} id @returns {ObjectNode[]} */
function storiesOf(page, id) {
  const hasContent = (/** @type {Record<string, unknown>} */ value) => CONTENT.some((key) => Object.hasOwn(value, key));
  const names = (/** @type {Record<string, unknown>} */ value, /** @type {string} */ wanted) => [value.post_id, value.top_level_post_id, value.id, value.video_id].some((id) => idOf(id) === wanted);
  if (!id.startsWith("pfbid")) return [...page.objects((value) => names(value, id) && hasContent(value))].slice(0, 30);
  const named = [...page.objects((value) => hasContent(value) && [value.url, value.wwwURL, value.permalink_url].some((url) => typeof url === "string" && url.includes(id)))].slice(0, 30);
  const number = named.map(({ value }) => idOf(value.post_id)).find((found) => found !== null);
  return number === undefined ? named : [...page.objects((value) => idOf(value.post_id) === number && hasContent(value))].slice(0, 30);
}

/** @param {ObjectNode} node @param {StoredPage} page @param {Draft} draft */
function readStory(node, page, draft) {
  const under = (/** @type {(value: Record<string, unknown>) => boolean} */ wanted) => page.firstUnder(node, wanted, OTHERS);
  const actor = under((value) => isObject(at(value, "actors", 0)))?.value.actors ?? [node.value.owner];
  const [first] = Array.isArray(actor) ? actor : [];
  draft.set("accountId", idOf(at(first, "id")));
  draft.set("accountName", at(first, "name"));
  draft.set("accountHandle", handleIn(at(first, "url") ?? at(first, "profile_url")));
  draft.set("text", at(under((value) => textOf(at(value, "message", "text")) !== null)?.value, "message", "text") ?? at(node.value, "savable_description", "text"));
  for (const field of ["creation_time", "publish_time", "created_time"]) draft.time(timeOfEpoch(under((value) => typeof value[field] === "number")?.value[field]));
  readCounts(node, page, draft);
  readMedia(node, page, draft);
  const sponsored = under((value) => Object.hasOwn(value, "sponsored_data"));
  if (sponsored) draft.claim("promoted", sponsored, ["sponsored_data"], { says: onlyYes });
  const flagged = under((value) => Object.hasOwn(value, "is_sponsored"));
  if (flagged) draft.claim("promoted", flagged, ["is_sponsored"]);
  for (const field of ["sponsor_relationship", "branded_content_integrity_context"]) {
    const found = under((value) => Object.hasOwn(value, field));
    if (found) draft.claim("paid_partnership", found, [field]);
  }
  const generated = under((value) => Object.hasOwn(value, "gen_ai_detection_method"));
  if (generated) draft.claim("ai_label", generated, at(generated.value, "gen_ai_detection_method", "detection_method") === undefined ? ["gen_ai_detection_method"] : ["gen_ai_detection_method", "detection_method"]);
}

/** @param {ObjectNode} node @param {StoredPage} page @param {Draft} draft */
function readCounts(node, page, draft) {
  const under = (/** @type {string} */ field) => page.firstUnder(node, (value) => value[field] !== undefined && value[field] !== null, OTHERS)?.value;
  const counts = /** @type {const} */ ([["reactions", "reaction_count", "i18n_reaction_count"], ["shares", "share_count", "i18n_share_count"],
    ["comments", "total_comment_count", "i18n_comment_count"], ["views", "video_view_count", "i18n_video_view_count"]]);
  for (const [name, field, written] of counts) {
    const value = under(field)?.[field];
    const number = isObject(value) ? value.count : value;
    draft.count(name, number ?? under(written)?.[written]);
  }
  const commented = page.firstUnder(node, (value) => at(value, "comment_rendering_instance", "comments", "total_count") !== undefined);
  if (!draft.post.counts.some(({ name }) => name === "comments")) draft.count("comments", at(commented?.value, "comment_rendering_instance", "comments", "total_count"));
}

/** @param {ObjectNode} node @param {StoredPage} page @param {Draft} draft */
function readMedia(node, page, draft) {
  const film = page.firstUnder(node, (value) => typeof (value.browser_native_hd_url ?? value.browser_native_sd_url ?? value.playable_url) === "string", OTHERS)?.value;
  draft.media("video", film?.browser_native_hd_url ?? film?.browser_native_sd_url ?? film?.playable_url);
  const picture = page.firstUnder(node, (value) => typeof at(value, "photo_image", "uri") === "string" || (value.__typename === "Photo" && typeof at(value, "image", "uri") === "string"), OTHERS)?.value;
  draft.media("image", at(picture, "photo_image", "uri") ?? at(picture, "image", "uri"));
}

/** @param {unknown} address @returns {string | null} */
function handleIn(address) {
  const url = urlOf(address, "https://www.facebook.com");
  const [first] = url === null ? [] : segmentsOf(url);
  return first === undefined || NOT_ACCOUNTS.has(first) || first === "people" ? null : first;
}

/** @param {StoredPage} page @param {Draft} draft @param {string | null} handle */
function readAccount(page, draft, handle) {
  draft.problem("the address names no post");
  if (handle === null) return;
  if (digitsOf(handle) === null) draft.set("accountHandle", handle);
  const account = page.first((value) => typeof value.name === "string" && idOf(value.id) !== null && (value.id === handle || handleIn(value.url)?.toLowerCase() === handle.toLowerCase()));
  draft.set("accountId", idOf(account?.value.id) ?? digitsOf(handle));
  draft.set("accountName", account?.value.name);
}
