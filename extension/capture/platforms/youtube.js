import { isHost, segmentsOf, urlOf } from "./address.js";
import { at, isObject, pathOf, textOf } from "./jsonpath.js";
import { onlyYes } from "./draft.js";
import { timeOfText } from "./times.js";

/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./page.js").StoredPage} StoredPage */
/** @typedef {import("./jsonpath.js").JsonNode} JsonNode */

const SECTION = "howThisWasMadeSectionViewModel";
/** The help pages that the section links to: the words change with the language, the pages do not. */
const ABOUT_SYNTHETIC = /\/answer\/15447836(?!\d)/;
const ABOUT_DUBBING = /\/answer\/15569972(?!\d)/;

/** YouTube: the player's answer and the watch page's data, each only when it is about the video in the address. */
export const youtube = {
  name: "youtube", version: "1", platform: "youtube",
  /** @param {URL} url @returns {boolean} */
  matches: (url) => isHost(url, "youtube.com", "youtu.be", "youtube-nocookie.com"),
  /** @param {StoredPage} page @param {Draft} draft */
  read(page, draft) {
    const id = videoOf(page.url);
    if (id === null) return readChannel(page, draft);
    draft.set("postId", id);
    draft.set("postUrl", page.url.pathname.startsWith("/shorts/") ? `https://www.youtube.com/shorts/${id}` : `https://www.youtube.com/watch?v=${id}`);
    const player = page.first((value) => at(value, "videoDetails", "videoId") === id);
    if (player) readPlayer(player, draft);
    const watch = page.first((value) => at(value, "currentVideoEndpoint", "watchEndpoint", "videoId") === id || at(value, "currentVideoEndpoint", "reelWatchEndpoint", "videoId") === id);
    if (watch) readWatch(watch, page, draft);
    if (!player && !watch) draft.problem("the video is not in the stored JSON; a page that changed video keeps the first one's data");
    draft.expect({ paid_partnership: ["paidContentOverlay.paidContentOverlayRenderer"], ai_label: [SECTION], promoted: [] });
  },
};

/** @param {URL} url @returns {string | null} */
function videoOf(url) {
  const [first, second] = segmentsOf(url);
  const id = isHost(url, "youtu.be") ? first : ["shorts", "live", "embed", "v"].includes(first ?? "") ? second : url.searchParams.get("v");
  return /^[\w-]{11}$/.test(id ?? "") ? id ?? null : null;
}

/** @param {JsonNode} node @param {Draft} draft */
function readPlayer(node, draft) {
  const details = at(node.value, "videoDetails");
  const facts = at(node.value, "microformat", "playerMicroformatRenderer");
  draft.set("accountId", at(details, "channelId") ?? at(facts, "externalChannelId"));
  draft.set("accountName", at(details, "author") ?? at(facts, "ownerChannelName"));
  draft.set("accountHandle", handleIn(at(facts, "ownerProfileUrl")));
  const parts = [at(details, "title"), at(details, "shortDescription")].filter((part) => textOf(part) !== null);
  draft.set("text", parts.join("\n\n"));
  draft.time(timeOfText(at(facts, "publishDate"), "embedded_json"));
  draft.time(timeOfText(at(facts, "uploadDate"), "embedded_json", "the upload, which may be before the publication"));
  draft.time(timeOfText(at(facts, "liveBroadcastDetails", "startTimestamp"), "embedded_json", "start of the live broadcast"));
  draft.count("views", at(details, "viewCount") ?? at(facts, "viewCount"));
  draft.count("likes", at(facts, "likeCount"));
  draft.set("language", at(node.value, "captions", "playerCaptionsTracklistRenderer", "captionTracks", 0, "languageCode"));
  const images = at(details, "thumbnail", "thumbnails");
  if (Array.isArray(images)) draft.media("image", at(images.at(-1), "url"));
  draft.claim("paid_partnership", node, ["paidContentOverlay", "paidContentOverlayRenderer"], { says: onlyYes });
}

/** @param {JsonNode} node @param {StoredPage} page @param {Draft} draft */
function readWatch(node, page, draft) {
  const owner = page.firstUnder(node, (value) => isObject(value.videoOwnerRenderer))?.value.videoOwnerRenderer;
  draft.set("accountName", at(owner, "title", "runs", 0, "text"));
  draft.set("accountId", at(owner, "navigationEndpoint", "browseEndpoint", "browseId"));
  draft.set("accountHandle", handleIn(at(owner, "navigationEndpoint", "browseEndpoint", "canonicalBaseUrl")));
  draft.count("followers", wordsOf(at(owner, "subscriberCountText")), { roundsDown: true });
  const likes = page.firstUnder(node, (value) => isObject(value.likeButtonViewModel));
  const button = likes && page.firstUnder(likes, (value) => value.iconName === "LIKE" && typeof value.title === "string");
  draft.count("likes", button?.value.title, { roundsDown: true });
  const comments = page.firstUnder(node, (value) => isObject(value.commentsEntryPointHeaderRenderer));
  draft.count("comments", wordsOf(at(comments?.value, "commentsEntryPointHeaderRenderer", "commentCount")), { roundsDown: true });
  const views = page.firstUnder(node, (value) => isObject(value.videoViewCountRenderer));
  draft.count("views", wordsOf(at(views?.value, "videoViewCountRenderer", "viewCount")));
  const made = page.firstUnder(node, (value) => isObject(value[SECTION]));
  if (made) readSection({ value: made.value[SECTION], key: SECTION, parent: made, label: made.label }, draft);
}

/** "How this was made" holds several disclosures: which one, its link says. @param {JsonNode} node @param {Draft} draft */
function readSection(node, draft) {
  const all = JSON.stringify(node.value).slice(0, 200_000);
  const kind = ABOUT_SYNTHETIC.test(all) ? "ai_label" : ABOUT_DUBBING.test(all) ? "auto_dubbed" : "made_disclosure";
  const words = [at(node.value, "bodyHeader", "content"), at(node.value, "bodyText", "content")].filter((part) => textOf(part) !== null);
  draft.record({ kind, state: "present", value: words.join(": ").slice(0, 2000).toWellFormed(), where: pathOf(node), platformField: SECTION, reason: null,
    note: kind === "made_disclosure" ? "a disclosure whose kind its link does not tell" : "told apart by the help page it links to" });
}

/** @param {unknown} text simpleText, runs or content @returns {string | null} */
function wordsOf(text) {
  const runs = at(text, "runs");
  const joined = Array.isArray(runs) ? runs.slice(0, 20).map((run) => at(run, "text")).filter((part) => typeof part === "string").join("") : null;
  return textOf(at(text, "simpleText")) ?? textOf(at(text, "content")) ?? textOf(joined);
}

/** @param {unknown} address @returns {string | null} */
function handleIn(address) {
  const url = urlOf(address, "https://www.youtube.com");
  return url === null ? null : segmentsOf(url).find((part) => part.startsWith("@"))?.slice(1) ?? null;
}

/** @param {StoredPage} page @param {Draft} draft */
function readChannel(page, draft) {
  draft.problem("the address names no video");
  const parts = segmentsOf(page.url);
  draft.set("accountHandle", parts[0]?.startsWith("@") ? parts[0].slice(1) : null);
  const channel = page.first((value) => isObject(value.channelMetadataRenderer))?.value.channelMetadataRenderer;
  const handle = handleIn(at(channel, "vanityChannelUrl"));
  const isThis = at(channel, "externalId") === parts[1] || (handle !== null && handle.toLowerCase() === draft.post.accountHandle?.toLowerCase());
  draft.set("accountId", parts[0] === "channel" ? parts[1] : isThis ? at(channel, "externalId") : null);
  if (isThis) draft.set("accountName", at(channel, "title"));
}
