import { parseEnvelope } from "../seal/dsse.js";
import { shownState } from "./steps.js";

/** @typedef {import("../queue/reducer.js").Item} Item */

/**
 * @param {Item[]} items @param {{words: string, state: string}} wish `state`: as the list shows it; empty: all
 * @returns {Item[]} in their order; every word has to occur in title, address, id, case, note or labels, whatever its case and accents
 */
export function findItems(items, { words, state }) {
  const wanted = folded(words).split(/\s+/).filter((word) => word !== "");
  return items.filter((item) => {
    if (state !== "" && shownState(item) !== state) return false;
    if (wanted.length === 0) return true;
    const text = folded(searchText(item));
    return wanted.every((word) => text.includes(word));
  });
}

/** @param {Item} item @returns {string} */
function searchText(item) {
  const { case: caseName = "", note = "", labels = [] } = formOf(item.envelope);
  return [item.page.title, item.page.url, item.captureId, caseName ?? "", note, ...labels].join("\n");
}

/** @param {string} envelope @returns {{case?: string | null, note?: string, labels?: string[]}} nothing when it cannot be read: it is still found by its title */
function formOf(envelope) {
  try {
    return JSON.parse(new TextDecoder().decode(parseEnvelope(envelope).payload)).predicate ?? {};
  } catch {
    return {};
  }
}

/** @param {string} text @returns {string} lower case, without accents */
function folded(text) {
  return text.normalize("NFD").replace(/\p{Mn}/gu, "").toLowerCase();
}
