import { digitsOf, isHost, segmentsOf } from "./address.js";
import { elementsOf, firstOfClass, hasClass, textIn, tokensOf } from "./markup.js";
import { timeOfText } from "./times.js";

/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./page.js").StoredPage} StoredPage */
/** @typedef {import("./markup.js").MarkupElement} MarkupElement */

const BACKGROUND = /background-image\s*:\s*url\(\s*["']?([^"')]+)/i;
const SUBSCRIBERS = /^(subscribers?|members?|followers?|subskryben\p{L}*|abonn\p{L}*|abonați|odběratel\p{L}*|підписник\p{L}*|подписчик\p{L}*)$/iu;

/** Telegram's public web view (t.me/s/…, t.me/…/n): rendered on the server, so it is read from the stored markup. */
export const telegram = {
  name: "telegram", version: "1", platform: "telegram",
  /** @param {URL} url @returns {boolean} */
  matches: (url) => isHost(url, "t.me", "telegram.me", "telegram.dog"),
  /** @param {StoredPage} page @param {Draft} draft */
  read(page, draft) {
    const parts = segmentsOf(page.url).filter((part, index) => !(index === 0 && part === "s"));
    const isPrivate = parts[0] === "c";
    const channel = isPrivate ? null : parts[0] ?? null;
    const id = parts.length > (isPrivate ? 2 : 1) ? digitsOf(parts.at(-1)) : null;
    draft.set("accountHandle", channel);
    if (isPrivate) draft.set("accountId", digitsOf(parts[1]));
    readChannel(page, draft);
    draft.expect({ ai_label: [], paid_partnership: [], promoted: [] });
    if (id === null) return draft.problem("the address names no post");
    draft.set("postId", id);
    draft.set("postUrl", `https://t.me/${isPrivate ? `c/${parts[1]}` : channel}/${id}`);
    const name = `${channel}/${id}`.toLowerCase();
    for (const message of elementsOf(tokensOf(page.html), (token) => token.attributes.get("data-post")?.toLowerCase() === name)) return readMessage(message, draft);
    draft.problem("the message is not in the stored markup");
  },
};

/** @param {MarkupElement} message @param {Draft} draft */
function readMessage({ tokens }, draft) {
  draft.set("accountName", textIn(firstOfClass(tokens, "tgme_widget_message_owner_name")));
  draft.set("text", textIn(lastOfClass(tokens, "js-message_text")));
  const dated = firstOfClass(tokens, "tgme_widget_message_date");
  const time = dated?.tokens.find(({ kind, name }) => kind === "open" && name === "time");
  draft.time(timeOfText(time?.attributes.get("datetime"), "displayed"));
  draft.count("views", textIn(firstOfClass(tokens, "tgme_widget_message_views")));
  if (firstOfClass(tokens, "tgme_widget_message_forwarded_from")) draft.problem("forwarded: the time is that of the forwarding, not of the first message");
  if (textIn(firstOfClass(tokens, "tgme_widget_message_meta"))?.includes("edited")) draft.problem("edited: the time is that of the first version");
  for (const { kind, name, attributes } of tokens) {
    if (kind !== "open") continue;
    const classes = attributes.get("class") ?? "";
    if (/tgme_widget_message_photo_wrap/.test(classes)) draft.media("image", BACKGROUND.exec(attributes.get("style") ?? "")?.[1]);
    if (name === "video" || name === "audio") draft.media(name, attributes.get("src"));
  }
}

/** The message's own text stands after that of the message it answers. @param {import("./markup.js").MarkupToken[]} tokens @param {string} name @returns {MarkupElement | null} */
function lastOfClass(tokens, name) {
  return [...elementsOf(tokens, (token) => hasClass(token, name))].at(-1) ?? null;
}

/** @param {StoredPage} page @param {Draft} draft */
function readChannel(page, draft) {
  const tokens = [...tokensOf(page.html)];
  draft.set("accountName", textIn(firstOfClass(tokens, "tgme_channel_info_header_title")) ?? textIn(firstOfClass(tokens, "tgme_page_title")));
  for (const { tokens: counter } of elementsOf(tokens, (token) => hasClass(token, "tgme_channel_info_counter"))) {
    if (SUBSCRIBERS.test(textIn(firstOfClass(counter, "counter_type")) ?? "")) draft.count("followers", textIn(firstOfClass(counter, "counter_value")));
  }
}
