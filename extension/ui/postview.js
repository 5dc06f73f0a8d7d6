import { formatTime, make, text } from "./texts.js";

/**
 * What the page says of itself, drawn as claims of the page: never as facts. Everything comes from strangers and is set as text.
 * @param {HTMLElement} list a `dl` @param {import("../queue/runs.js").PostSummary} post
 */
export function drawPost(list, post) {
  const rows = postRows(post).flatMap(([name, value]) => [make("dt", "", name), make("dd", "", value)]);
  list.replaceChildren(...rows);
}

/** @param {import("../queue/runs.js").PostSummary} post @returns {[string, string][]} */
function postRows({ accountHandle, accountName, postId, postedAt, claims }) {
  /** @type {[string, string][]} */
  const rows = [];
  const account = [accountName, accountHandle && `@${accountHandle}`].filter(Boolean).join(" · ");
  if (account) rows.push([text("post_account"), account]);
  if (postId) rows.push([text("post_id"), postId]);
  const [time] = postedAt;
  if (time) rows.push([text("post_time"), `${formatTime(time.value)} (${text(`post_source_${time.source}`)})`]);
  for (const { kind, state, value } of claims) {
    const said = typeof value === "string" && value !== "" ? `${text(`label_state_${state}`)}: ${value}` : text(`label_state_${state}`);
    rows.push([text(`claim_${kind}`) === `claim_${kind}` ? kind.replaceAll("_", " ") : text(`claim_${kind}`), said]);
  }
  return rows;
}

/** @param {import("../queue/runs.js").PostSummary | null | undefined} post @returns {boolean} there is something to show */
export function hasPost(post) {
  return Boolean(post && (post.accountHandle || post.accountName || post.postId || post.postedAt.length > 0 || post.claims.length > 0));
}
