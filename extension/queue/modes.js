/**
 * How a page may be captured. The popup offers what stands here, but for "recorded" where the browser keeps bodies anyway (Firefox); a mode is added when the worker can do it, never before.
 * @typedef {"as_seen" | "recorded" | "reloaded"} Mode
 */

/** @type {readonly Mode[]} the first is what a click does */
export const OFFERED_MODES = ["as_seen", "recorded", "reloaded"];
