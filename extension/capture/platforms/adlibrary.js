import { digitsOf, isHost } from "./address.js";
import { at, idOf, isObject, textOf } from "./jsonpath.js";
import { onlyYes } from "./draft.js";
import { timeOfEpoch } from "./times.js";

/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./page.js").StoredPage} StoredPage */
/** @typedef {import("./page.js").ObjectNode} ObjectNode */

const STARTED = "the first day the ad was shown, not when a post was made";

/** Meta's Ad Library: one ad (`?id=`). Its post id is the library's ad id. */
export const adLibrary = {
  name: "meta_ad_library", version: "1", platform: "meta_ad_library",
  /** @param {URL} url @returns {boolean} */
  matches: (url) => isHost(url, "facebook.com") && /^\/ads\/library/.test(url.pathname),
  /** @param {StoredPage} page @param {Draft} draft */
  read(page, draft) {
    const id = digitsOf(page.url.searchParams.get("id") ?? undefined);
    if (id === null) {
      draft.set("accountId", digitsOf(page.url.searchParams.get("view_all_page_id") ?? undefined));
      return draft.problem("the address names no ad");
    }
    draft.set("postId", id);
    draft.set("postUrl", `https://www.facebook.com/ads/library/?id=${id}`);
    const ads = [...page.objects((value) => idOf(value.ad_archive_id ?? value.adArchiveID) === id)].slice(0, 10);
    ads.forEach((node) => readAd(node, draft));
    readDetails(page, draft, ads, id);
    if (ads.length === 0) draft.problem("the ad is not in the stored JSON");
    draft.expect({ ad_disclaimer: ["snapshot.disclaimer_label"], ad_byline: ["snapshot.byline"], ad_payer: ["payer_beneficiary_data.0.payer"],
      ad_beneficiary: ["payer_beneficiary_data.0.beneficiary"], ai_label: ["contains_digital_created_media"], paid_partnership: ["snapshot.branded_content"] });
  },
};

/** @param {ObjectNode} node @param {Draft} draft */
function readAd(node, draft) {
  const { value } = node;
  const shown = isObject(value.snapshot) ? value.snapshot : {};
  draft.set("accountId", idOf(value.page_id ?? value.pageID ?? shown.page_id));
  draft.set("accountName", textOf(shown.page_name) ?? value.page_name ?? value.pageName);
  draft.set("text", textOf(at(shown, "body", "text")) ?? at(shown, "body", "markup", "__html") ?? at(shown, "cards", 0, "body"));
  const start = timeOfEpoch(value.start_date ?? value.startDate, "embedded_json", STARTED);
  draft.time(start && { ...start, precisionS: 86_400 });
  draft.count("impressions", at(value, "impressions_with_index", "impressions_text"));
  for (const [name, field] of [["spend", "spend"], ["reach", "reach_estimate"]]) draft.count(name, rangeText(value[field]));
  draft.count("page_likes", shown.page_like_count);
  draft.count("copies", value.collation_count);
  for (const [type, list, field] of /** @type {const} */ ([["image", shown.images, "original_image_url"], ["video", shown.videos, "video_hd_url"], ["video", shown.videos, "video_sd_url"],
    ["image", shown.cards, "original_image_url"], ["video", shown.cards, "video_hd_url"]])) {
    if (Array.isArray(list)) list.slice(0, 50).forEach((item) => draft.media(type, at(item, field)));
  }
  draft.claim("ad_disclaimer", node, ["snapshot", "disclaimer_label"], { says: onlyYes });
  draft.claim("ad_byline", node, ["snapshot", "byline"], { says: onlyYes });
  draft.claim("ai_label", node, ["contains_digital_created_media"]);
  draft.claim("paid_partnership", node, ["snapshot", "branded_content"], { says: onlyYes });
  draft.claim("political_ad", node, ["categories"], { says: saysPolitical });
  readPayers(node, draft);
}

/**
 * The EU's and other places' transparency data. An answer about one ad does not always repeat its id: it is taken when it is the only one.
 * @param {StoredPage} page @param {Draft} draft @param {ObjectNode[]} ads @param {string} id
 */
function readDetails(page, draft, ads, id) {
  const details = [...page.objects((value) => isObject(value.ad_details))].slice(0, 20);
  const own = details.filter(({ value }) => [value.ad_archive_id, at(value, "ad_details", "ad_archive_id"), at(value, "deeplink_ad_archive_id")].some((other) => idOf(other) === id));
  const [chosen] = own.length > 0 ? own : details.length === 1 ? details : [];
  if (details.length > 1 && !chosen) return draft.problem(`${details.length} ads' details are stored and none names its ad: none was chosen`);
  if (!chosen) return;
  if (own.length === 0) draft.problem(`details without an ad id were taken for this ad${ads.length > 1 ? "; several fragments of the ad are stored" : ""}`);
  const node = /** @type {ObjectNode} */ ({ value: chosen.value.ad_details, key: "ad_details", parent: chosen, label: chosen.label });
  readPayers(node, draft);
  const places = at(node.value, "transparency_by_location");
  draft.count("reach_eu", at(places, "eu_transparency", "eu_total_reach") ?? at(node.value, "aaa_info", "eu_total_reach"));
  draft.count("reach_uk", at(places, "uk_transparency", "total_reach"));
  draft.set("accountHandle", at(node.value, "advertiser", "ad_library_page_info", "page_info", "page_alias"));
}

/** @param {ObjectNode} node @param {Draft} draft */
function readPayers(node, draft) {
  for (const holder of [["aaa_info"], ["transparency_by_location", "eu_transparency"], []]) {
    const list = at(node.value, ...holder, "payer_beneficiary_data");
    if (!Array.isArray(list)) continue;
    list.slice(0, 10).forEach((_, index) => {
      draft.claim("ad_payer", node, [...holder, "payer_beneficiary_data", index, "payer"], { says: onlyYes });
      draft.claim("ad_beneficiary", node, [...holder, "payer_beneficiary_data", index, "beneficiary"], { says: onlyYes });
    });
    if (list.length > 0) continue;
    draft.claim("ad_payer", node, [...holder, "payer_beneficiary_data"], { note: "the list of payers is empty" });
    draft.claim("ad_beneficiary", node, [...holder, "payer_beneficiary_data"], { note: "the list of beneficiaries is empty" });
  }
}

/** @param {unknown} value @returns {import("./draft.js").Saying} */
function saysPolitical(value) {
  if (!Array.isArray(value) || value.length === 0) return { state: "not_checked", reason: "the field is there and empty" };
  return { state: value.some((name) => /POLITIC|ISSUE|ELECTION/i.test(textOf(name) ?? "")) ? "present" : "absent" };
}

/** @param {unknown} value text, or {lower_bound, upper_bound} @returns {unknown} */
function rangeText(value) {
  const low = idOf(at(value, "lower_bound"));
  const high = idOf(at(value, "upper_bound"));
  if (low === null) return value;
  return high === null ? `${low}+` : `${low}-${high}`;
}
