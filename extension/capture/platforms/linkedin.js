import { isHost, segmentsOf, urlOf } from "./address.js";
import { at, textOf } from "./jsonpath.js";
import { readPosting } from "./generic.js";
import { onlyYes } from "./draft.js";
import { timeOfLinkedInId } from "./times.js";

/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./page.js").StoredPage} StoredPage */
/** @typedef {import("./page.js").ObjectNode} ObjectNode */

const URN = /(activity|share|ugcPost)[:-](\d{15,20})/;
const PLACES = [["updateMetadata", "urn"], ["metadata", "backendUrn"], ["backendUrn"], ["urn"], ["entityUrn"], ["dashEntityUrn"]];

/** LinkedIn: JSON-LD of the public page, `Update` entities of the app's answers. */
export const linkedin = {
  name: "linkedin", version: "1", platform: "linkedin",
  /** @param {URL} url @returns {boolean} */
  matches: (url) => isHost(url, "linkedin.com"),
  /** @param {StoredPage} page @param {Draft} draft */
  read(page, draft) {
    const parts = segmentsOf(page.url);
    const [, kind, id] = URN.exec(parts.join("/")) ?? [];
    if (id === undefined) return readAccount(page, draft, parts);
    draft.set("postId", id);
    draft.set("postUrl", `https://www.linkedin.com/feed/update/urn:li:${kind}:${id}/`);
    draft.time(timeOfLinkedInId(id));
    const updates = [...page.objects((value) => value.commentary !== undefined && namesPost(value, id))].slice(0, 10);
    updates.forEach((node) => readUpdate(node, draft));
    const posting = page.first((value) => /Posting|Article|VideoObject/.test(textOf(value["@type"]) ?? "") && [value["@id"], value.url, value.mainEntityOfPage].some((text) => typeof text === "string" && text.includes(id)));
    if (posting) readPosting(posting, page, draft);
    readCounts(page, draft, id);
    const author = urlOf(at(posting?.value.author, "url"));
    draft.set("accountHandle", author === null ? (parts[0] === "posts" ? parts[1].split("_")[0] : null) : segmentsOf(author).at(-1));
    if (updates.length === 0 && !posting) draft.problem("the post is not in the stored JSON");
    draft.expect({ promoted: ["updateMetadata.trackingData.sponsoredTracking"], ai_label: ["digitalSourceType"], paid_partnership: ["sponsor"] });
  },
};

/** @param {Record<string, unknown>} value @param {string} id @returns {boolean} */
function namesPost(value, id) {
  return PLACES.some((path) => {
    const urn = at(value, ...path);
    return typeof urn === "string" && new RegExp(`\\b${id}\\b`).test(urn);
  });
}

/** @param {ObjectNode} node @param {Draft} draft */
function readUpdate(node, draft) {
  const { value } = node;
  draft.set("text", textOf(at(value, "commentary", "text", "text")) ?? at(value, "commentary", "text"));
  draft.set("accountName", textOf(at(value, "actor", "name", "text")) ?? at(value, "actor", "name"));
  draft.set("accountId", /(?:member|company|organization|fsd_profile|fsd_company):([\w-]+)/.exec(textOf(at(value, "actor", "backendUrn")) ?? textOf(at(value, "actor", "urn")) ?? "")?.[1]);
  const profile = urlOf(at(value, "actor", "navigationContext", "actionTarget"));
  if (profile !== null) draft.set("accountHandle", segmentsOf(profile)[1]);
  countAll(at(value, "socialDetail", "totalSocialActivityCounts"), draft);
  draft.claim("promoted", node, ["updateMetadata", "trackingData", "sponsoredTracking"], { says: onlyYes });
}

/** Counts stand in an entity of their own, named by the post's urn. @param {StoredPage} page @param {Draft} draft @param {string} id */
function readCounts(page, draft, id) {
  const found = page.first((value) => value.numLikes !== undefined && namesPost(value, id));
  if (found) countAll(found.value, draft);
}

/** @param {unknown} counts @param {Draft} draft */
function countAll(counts, draft) {
  for (const [field, name] of [["numLikes", "reactions"], ["numComments", "comments"], ["numShares", "shares"], ["numImpressions", "impressions"]]) draft.count(name, at(counts, field));
}

/** @param {StoredPage} page @param {Draft} draft @param {string[]} parts */
function readAccount(page, draft, parts) {
  draft.problem("the address names no post");
  if (parts[0] !== "in" && parts[0] !== "company" && parts[0] !== "school") return;
  draft.set("accountHandle", parts[1]);
  const user = page.first((value) => (value.publicIdentifier ?? value.universalName) === parts[1]);
  draft.set("accountName", user?.value.name ?? [user?.value.firstName, user?.value.lastName].filter((part) => typeof part === "string").join(" "));
}
