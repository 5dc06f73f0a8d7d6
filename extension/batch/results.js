import { writeCsv } from "./csv.js";

/** @typedef {import("./reducer.js").Entry} Entry */
/** @typedef {import("../queue/reducer.js").Item} Item */
/** @typedef {"waiting" | "working" | "skipped" | "failed" | "queued" | "sealed"} Result */

/**
 * @param {Entry} entry @param {Pick<Item, "state" | "reason"> | undefined} item the capture in the queue
 * @returns {{result: Result, reason: string | null}} reason: a code of _locales with its prefix; null when there is nothing to say
 */
export function resultOf(entry, item) {
  if (entry.state !== "captured") return { result: entry.state, reason: entry.reason && `batch_reason_${entry.reason}` };
  if (item?.state === "sealed") return { result: "sealed", reason: null };
  return { result: "queued", reason: item?.reason ? `reason_${item.reason}` : null };
}

const HEADINGS = ["line", "url", "result", "reason", "detail", "http_status", "capture_id", "started_at", "ended_at", "attempts"];

/**
 * @param {Entry[]} entries @param {Map<string, Pick<Item, "state" | "reason">>} items by capture id @param {(code: string) => string} say
 * @returns {string} the table of results, one row for each address of the list
 */
export function resultsCsv(entries, items, say) {
  const rows = entries.map((entry) => {
    const { result, reason } = resultOf(entry, items.get(entry.captureId ?? ""));
    return [entry.line, entry.url, result, reason === null ? "" : say(reason), entry.detail, entry.status, entry.captureId, entry.startedAt, entry.endedAt, entry.attempts];
  });
  return writeCsv([HEADINGS, ...rows]);
}
