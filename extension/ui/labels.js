/**
 * Which labels a person is asked to look for, by site and by what the finding is about. Pure.
 *
 * Layer 1 is what the poster discloses, 2 what the platform shows, 3 a note of others. The fields of a political advertisement are those of
 * Article 11(1) of Regulation (EU) 2024/900.
 * @typedef {"synthetic_media" | "political_ad" | "claim"} FindingKind
 * @typedef {{kind: string, layer: 1 | 2 | 3}} LabelKind the words are in _locales (label_<kind>)
 */

export const FINDING_KINDS = /** @type {readonly FindingKind[]} */ (["synthetic_media", "political_ad", "claim"]);

/** @type {Record<string, LabelKind>} */
const KINDS = Object.fromEntries(/** @type {[string, 1 | 2 | 3][]} */ ([
  ["poster_ai_disclosure", 1], ["platform_ai_label", 2],
  ["political_ad_statement", 2], ["political_ad_sponsor", 2], ["political_ad_controlling_entity", 2], ["political_ad_election", 2],
  ["political_ad_targeting", 2], ["political_ad_notice_link", 2], ["community_note", 3],
]).map(([kind, layer]) => [kind, { kind, layer }]));

const AI = ["poster_ai_disclosure", "platform_ai_label"];
const POLITICAL = ["political_ad_statement", "political_ad_sponsor", "political_ad_controlling_entity", "political_ad_election",
  "political_ad_targeting", "political_ad_notice_link"];

/** @type {Record<FindingKind, string[]>} */
const ASKED = {
  synthetic_media: [...AI, "community_note"],
  political_ad: [...POLITICAL, ...AI],
  claim: ["community_note", ...AI],
};

/** Hosts where others can add notes or fact-checks to a post. */
const WITH_NOTES = /(^|\.)(x|twitter|facebook|instagram|threads|tiktok|youtube)\.(com|net)$/;
/** Hosts that show a label of their own on posts made with AI. */
const WITH_AI_LABELS = /(^|\.)((facebook|instagram|threads|tiktok|youtube|linkedin|pinterest|x|twitter)\.(com|net)|vk\.(com|ru))$/;
const AD_LIBRARIES = /(^|\.)(adstransparency\.google\.com|library\.tiktok\.com)$/;

/** @param {string} url of the page @returns {FindingKind} what is offered first */
export function usualFinding(url) {
  if (!URL.canParse(url)) return "synthetic_media";
  const { hostname, pathname } = new URL(url);
  return AD_LIBRARIES.test(hostname) || (/(^|\.)facebook\.com$/.test(hostname) && pathname.startsWith("/ads/library")) ? "political_ad" : "synthetic_media";
}

/** @param {string} url of the page @param {FindingKind} finding @returns {LabelKind[]} what to look for there, in this order */
export function labelKinds(url, finding) {
  const host = URL.canParse(url) ? new URL(url).hostname : "";
  return ASKED[finding].filter((kind) => {
    if (kind === "community_note") return WITH_NOTES.test(host);
    if (kind === "platform_ai_label") return WITH_AI_LABELS.test(host) || AD_LIBRARIES.test(host);
    return true;
  }).map((kind) => /** @type {LabelKind} */ (KINDS[kind]));
}

/** @param {string} kind @returns {boolean} its words matter: who paid, which election */
export function hasValue(kind) {
  return kind !== "political_ad_statement";
}

/**
 * @param {import("../capture/platforms/types.js").PageClaim[]} claims @param {string} kind @returns {import("../capture/platforms/types.js").PageClaim | undefined}
 *   what the page's own fields say about that label: shown beside the question, never an answer to it
 */
export function claimFor(claims, kind) {
  const names = /** @type {Record<string, string[]>} */ ({ platform_ai_label: ["ai_label"], political_ad_statement: ["political_ad", "ad_disclaimer"],
    political_ad_sponsor: ["ad_payer"], political_ad_controlling_entity: ["ad_beneficiary"], community_note: ["community_note"] })[kind] ?? [];
  return claims.find((claim) => names.includes(claim.kind) && claim.state !== "not_checked");
}
