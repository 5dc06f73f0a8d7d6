import { isHost, segmentsOf } from "./address.js";
import { at, idOf, isObject, numberOf, textOf } from "./jsonpath.js";
import { elementsOf, firstOfClass, hasClass, textIn, tokensOf } from "./markup.js";
import { timeOfEpoch } from "./times.js";

/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./page.js").StoredPage} StoredPage */
/** @typedef {import("./page.js").ObjectNode} ObjectNode */

const POST = /(wall|video|clip)(-?\d{1,20})_(\d{1,20})/;

/** VK: items of its API and of `apiPrefetchCache`, and the markup of a post where there is no JSON. A post's id is `<owner>_<number>`. */
export const vk = {
  name: "vk", version: "1", platform: "vk",
  /** @param {URL} url @returns {boolean} */
  matches: (url) => isHost(url, "vk.com", "vk.ru", "vkvideo.ru"),
  /** @param {StoredPage} page @param {Draft} draft */
  read(page, draft) {
    const [, kind, owner, number] = POST.exec(`${page.url.pathname} ${page.url.searchParams.get("w") ?? ""} ${page.url.searchParams.get("z") ?? ""}`) ?? [];
    if (owner === undefined) {
      draft.set("accountHandle", segmentsOf(page.url)[0]);
      return draft.problem("the address names no post");
    }
    draft.set("postId", `${owner}_${number}`);
    draft.set("postUrl", `https://vk.com/${kind}${owner}_${number}`);
    draft.set("accountId", owner);
    const found = [...page.objects((value) => isItem(value, owner, number))].slice(0, 10);
    found.forEach((node) => readItem(node, draft));
    readOwner(page, draft, owner);
    const inMarkup = readMarkup(page, draft, `${owner}_${number}`);
    if (found.length === 0 && !inMarkup) draft.problem("the post is neither in the stored JSON nor in the stored markup");
    draft.expect({ promoted: ["marked_as_ads"], ai_label: [], paid_partnership: ["erid"] });
  },
};

/** @param {Record<string, unknown>} value @param {string} owner @param {string} number @returns {boolean} */
function isItem(value, owner, number) {
  return idOf(value.owner_id ?? value.source_id ?? value.to_id) === owner && idOf(value.id ?? value.post_id) === number && (value.date !== undefined || textOf(value.text) !== null);
}

/** @param {ObjectNode} node @param {Draft} draft */
function readItem(node, draft) {
  const { value } = node;
  draft.time(timeOfEpoch(value.date));
  draft.set("text", [value.title, value.text ?? value.description].filter((part) => textOf(part) !== null).join("\n\n"));
  for (const name of ["likes", "reposts", "comments", "views"]) draft.count(name, at(value, name, "count") ?? (isObject(value[name]) ? null : value[name]));
  if (value.edited !== undefined) draft.problem("edited: the time is that of the first version");
  if (Array.isArray(value.copy_history) && value.copy_history.length > 0) draft.problem("a repost: text and media of the first post are not taken over");
  const attachments = Array.isArray(value.attachments) ? value.attachments.slice(0, 50) : [];
  for (const attachment of attachments) {
    const sizes = at(attachment, "photo", "sizes");
    const widest = (Array.isArray(sizes) ? [...sizes] : []).sort((left, right) => numberOf(at(right, "width")) - numberOf(at(left, "width")))[0];
    draft.media("image", textOf(at(attachment, "photo", "orig_photo", "url")) ?? at(widest, "url"));
    draft.media("file", at(attachment, "doc", "url"));
  }
  draft.claim("promoted", node, ["marked_as_ads"]);
  draft.claim("paid_partnership", node, ["erid"], { note: "the advertising register's number" });
}

/** @param {StoredPage} page @param {Draft} draft @param {string} owner negative: a community */
function readOwner(page, draft, owner) {
  const id = owner.replace(/^-/, "");
  const isGroup = owner.startsWith("-");
  const account = page.first((value) => idOf(value.id) === id && value.screen_name !== undefined && (isGroup ? value.name !== undefined : value.first_name !== undefined));
  draft.set("accountHandle", account?.value.screen_name);
  draft.set("accountName", isGroup ? account?.value.name : [account?.value.first_name, account?.value.last_name].filter((part) => textOf(part) !== null).join(" "));
  draft.count("followers", account?.value.members_count ?? account?.value.followers_count);
}

/** @param {StoredPage} page @param {Draft} draft @param {string} postId @returns {boolean} whether the post is there */
function readMarkup(page, draft, postId) {
  for (const { tokens } of elementsOf(tokensOf(page.html), (token) => token.attributes.get("id") === `post${postId}` || token.attributes.get("data-post-id") === postId)) {
    draft.set("accountName", textIn(firstOfClass(tokens, "PostHeaderTitle__authorName")) ?? textIn(firstOfClass(tokens, "author")));
    draft.set("text", textIn(firstOfClass(tokens, "wall_post_text")));
    const dated = tokens.find((token) => token.kind === "open" && token.attributes.has("time") && hasClass(token, "rel_date"));
    draft.time(timeOfEpoch(dated?.attributes.get("time"), "displayed"));
    draft.count("views", textIn(firstOfClass(tokens, "like_views") ?? firstOfClass(tokens, "_views")));
    if (firstOfClass(tokens, "wall_marked_as_ads")) {
      draft.record({ kind: "promoted", state: "present", value: textIn(firstOfClass(tokens, "wall_marked_as_ads")), where: `html#post${postId}`, platformField: ".wall_marked_as_ads", reason: null });
    }
    return true;
  }
  return false;
}
