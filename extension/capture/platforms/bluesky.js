import { isHost, segmentsOf } from "./address.js";
import { at, textOf } from "./jsonpath.js";
import { timeOfText, timeOfTid } from "./times.js";

/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./page.js").StoredPage} StoredPage */
/** @typedef {import("./page.js").ObjectNode} ObjectNode */

const COUNTS = { likeCount: "likes", repostCount: "reposts", replyCount: "replies", quoteCount: "quotes", bookmarkCount: "bookmarks" };
const LABEL = "labels of a labelling service or of the author; their names are the service's";

/** Bluesky: post views of the AT protocol's `app.bsky.feed` answers. */
export const bluesky = {
  name: "bluesky", version: "1", platform: "bluesky",
  /** @param {URL} url @returns {boolean} */
  matches: (url) => isHost(url, "bsky.app"),
  /** @param {StoredPage} page @param {Draft} draft */
  read(page, draft) {
    const [root, actor, kind, key] = segmentsOf(page.url);
    if (root !== "profile" || actor === undefined) return draft.problem("the address names no post");
    const isDid = actor.startsWith("did:");
    if (kind !== "post" || !/^[\w.~:-]{1,512}$/.test(key ?? "")) return readAccount(page, draft, actor);
    draft.set("postId", key);
    draft.time(timeOfTid(key));
    const found = [...page.objects((value) => isPost(value, key, actor))].slice(0, 10);
    found.forEach((node) => readPost(node, draft));
    if (found.length === 0) draft.problem("the post is not in the stored JSON");
    draft.set(isDid ? "accountId" : "accountHandle", actor);
    draft.set("postUrl", `https://bsky.app/profile/${draft.post.accountId ?? actor}/post/${key}`);
    draft.expect({ platform_label: ["labels"], self_label: ["record.labels.values"], ai_label: [], paid_partnership: [], promoted: [] });
  },
};

/** @param {Record<string, unknown>} value @param {string} key @param {string} actor @returns {boolean} */
function isPost(value, key, actor) {
  if (typeof value.uri !== "string" || !value.uri.endsWith(`/app.bsky.feed.post/${key}`) || at(value, "record") === undefined) return false;
  return actor.startsWith("did:") ? value.uri.startsWith(`at://${actor}/`) : textOf(at(value, "author", "handle"))?.toLowerCase() === actor.toLowerCase();
}

/** @param {ObjectNode} node @param {Draft} draft */
function readPost(node, draft) {
  const { value } = node;
  draft.set("accountId", at(value, "author", "did"));
  draft.set("accountHandle", at(value, "author", "handle"));
  draft.set("accountName", at(value, "author", "displayName"));
  draft.set("text", at(value, "record", "text"));
  draft.set("language", at(value, "record", "langs", 0));
  draft.time(timeOfText(at(value, "record", "createdAt"), "embedded_json", "written by the author's program"));
  draft.time(timeOfText(value.indexedAt, "embedded_json", "when the service first saw the post: not earlier than the post"));
  for (const [field, name] of Object.entries(COUNTS)) draft.count(name, value[field]);
  const images = at(value, "embed", "images") ?? at(value, "embed", "media", "images");
  if (Array.isArray(images)) images.slice(0, 20).forEach((image) => draft.media("image", at(image, "fullsize")));
  draft.media("video", textOf(at(value, "embed", "playlist")) ?? at(value, "embed", "media", "playlist"));
  draft.claim("platform_label", node, ["labels"], { note: LABEL });
  draft.claim("self_label", node, ["record", "labels", "values"]);
}

/** @param {StoredPage} page @param {Draft} draft @param {string} actor */
function readAccount(page, draft, actor) {
  draft.problem("the address names no post");
  const user = page.first((value) => (value.did === actor || value.handle === actor) && typeof value.did === "string");
  draft.set("accountId", user?.value.did ?? (actor.startsWith("did:") ? actor : null));
  draft.set("accountHandle", user?.value.handle ?? (actor.startsWith("did:") ? null : actor));
  draft.set("accountName", user?.value.displayName);
  draft.count("followers", user?.value.followersCount);
}
