import { urlOf } from "./address.js";
import { at, isObject, textOf } from "./jsonpath.js";
import { timeOfText } from "./times.js";

/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./page.js").StoredPage} StoredPage */
/** @typedef {import("./page.js").ObjectNode} ObjectNode */

const POSTS = new Set(["SocialMediaPosting", "DiscussionForumPosting", "NewsArticle", "ReportageNewsArticle", "OpinionNewsArticle", "AnalysisNewsArticle",
  "Article", "BlogPosting", "LiveBlogPosting", "VideoObject"]);
const INTERACTIONS = [[/Like/i, "likes"], [/Comment/i, "comments"], [/Share/i, "shares"], [/Watch|View|Read/i, "views"], [/Follow|Subscribe/i, "followers"]];

/** Any page: JSON-LD (schema.org) first, OpenGraph where that says nothing. */
export const generic = {
  name: "generic", version: "1", platform: "web",
  /** @returns {boolean} */
  matches: () => true,
  /** @param {StoredPage} page @param {Draft} draft */
  read(page, draft) {
    const found = [...page.objects((value) => isPosting(value))].slice(0, 200);
    const posts = found.filter((node) => !found.some((outer) => outer !== node && isInside(node, outer)));
    const named = posts.filter(({ value }) => addressesOf(value).some((address) => isSamePage(address, page.url)));
    const [post] = named.length > 0 ? named : posts.length === 1 ? posts : [];
    if (post) readPosting(post, page, draft);
    else if (posts.length > 1) draft.problem(`${posts.length} postings are described and none names this page: none was chosen`);
    readOpenGraph(page, draft);
    draft.set("language", page.meta("og:locale")?.replace("_", "-") ?? page.language);
    draft.expect({ ai_label: ["digitalSourceType"], paid_partnership: ["sponsor"] });
  },
};

/** @param {Record<string, unknown>} value @returns {boolean} */
function isPosting(value) {
  return [value["@type"]].flat().some((type) => typeof type === "string" && POSTS.has(type.replace(/^https?:\/\/schema\.org\//, "")));
}

/** @param {ObjectNode} node @param {ObjectNode} outer @returns {boolean} */
function isInside(node, outer) {
  for (let here = node.parent; here !== null; here = here.parent) if (here.value === outer.value) return true;
  return false;
}

/** @param {Record<string, unknown>} value @returns {string[]} what a posting calls its address */
function addressesOf(value) {
  const main = value.mainEntityOfPage;
  return [value.url, value["@id"], main, at(main, "@id"), at(main, "url")].filter((address) => typeof address === "string");
}

/** @param {string} address @param {URL} page @returns {boolean} apart from the scheme, "www.", the fragment and what the page's query has more */
function isSamePage(address, page) {
  const url = urlOf(address, page.protocol.startsWith("http") ? page.href : undefined);
  const key = (/** @type {URL} */ { hostname, pathname }) => hostname.replace(/^(www|m|mobile)\./, "") + pathname.replace(/\/+$/, "");
  return url !== null && key(url) === key(page) && [...url.searchParams].every(([name, value]) => page.searchParams.get(name) === value);
}

/**
 * Reads a schema.org posting into the draft. @param {ObjectNode} node @param {StoredPage} page @param {Draft} draft
 */
export function readPosting(node, page, draft) {
  const { value } = node;
  const author = authorOf(value, page);
  draft.set("accountName", at(author, "name") ?? (typeof value.author === "string" ? value.author : null));
  draft.set("accountHandle", textOf(at(author, "alternateName"))?.replace(/^@/, ""));
  const headline = textOf(value.headline) ?? textOf(value.name);
  const body = textOf(value.articleBody) ?? textOf(value.text) ?? textOf(value.description);
  draft.set("text", headline !== null && body !== null && !body.startsWith(headline.replace(/(…|\.\.\.)$/, "")) ? `${headline}\n\n${body}` : body ?? headline);
  draft.set("postUrl", addressesOf(value).find((address) => isSamePage(address, page.url)));
  draft.set("language", value.inLanguage);
  for (const name of ["datePublished", "uploadDate", "dateCreated"]) draft.time(timeOfText(value[name], "embedded_json", name === "datePublished" ? undefined : name));
  for (const [type, list] of /** @type {const} */ ([["image", value.image], ["video", value.video], ["audio", value.audio]])) {
    for (const item of [list].flat().slice(0, 50)) draft.media(type, typeof item === "string" ? item : at(item, "contentUrl") ?? at(item, "url"));
  }
  draft.media("video", value.contentUrl);
  draft.count("comments", value.commentCount);
  for (const counter of [value.interactionStatistic].flat().slice(0, 20)) {
    const type = textOf(at(counter, "interactionType", "@type")) ?? textOf(at(counter, "interactionType")) ?? "";
    const name = INTERACTIONS.find(([pattern]) => /** @type {RegExp} */ (pattern).test(type))?.[1];
    if (typeof name === "string") draft.count(name, at(counter, "userInteractionCount"));
  }
  draft.claim("ai_label", node, ["digitalSourceType"], { says: saysGenerated });
  draft.claim("paid_partnership", node, ["sponsor"]);
}

/** @param {Record<string, unknown>} value @param {StoredPage} page @returns {unknown} the first author, looked up by @id where it is only named */
function authorOf(value, page) {
  const [author] = [value.author ?? value.creator].flat();
  const id = at(author, "@id");
  if (!isObject(author) || author.name !== undefined || typeof id !== "string") return author;
  return page.first((other) => other["@id"] === id && other.name !== undefined)?.value ?? author;
}

/** IPTC digital source types. @param {unknown} value @returns {import("./draft.js").Saying} */
function saysGenerated(value) {
  if (typeof value !== "string" || value === "") return { state: "not_checked", reason: "the field's value is not understood" };
  return { state: /algorithmic|synthetic/i.test(value) ? "present" : "absent" };
}

/** Reads meta elements. They are what a page gives to link previews: often shortened. @param {StoredPage} page @param {Draft} draft */
export function readOpenGraph(page, draft) {
  const address = page.meta("og:url");
  if (address !== null && page.url.protocol.startsWith("http") && !isSamePage(address, page.url)) {
    draft.problem("og:url names another page: the page's OpenGraph data was not used");
    return;
  }
  draft.set("accountName", page.meta("author", "article:author")?.replace(/^https?:.*$/, ""));
  if (draft.post.text === null) {
    const parts = [page.meta("og:title", "twitter:title"), page.meta("og:description", "twitter:description", "description")].filter((part) => part !== null);
    draft.set("text", parts.join("\n\n"));
    if (parts.length > 0) draft.problem("the text is from the preview data of the page, which may be shortened");
  }
  draft.set("postUrl", address);
  for (const name of ["article:published_time", "og:article:published_time", "og:published_time", "datepublished"]) draft.time(timeOfText(page.meta(name)));
  draft.media("image", page.meta("og:image:secure_url", "og:image", "og:image:url"));
  draft.media("video", page.meta("og:video:secure_url", "og:video", "og:video:url"));
}
