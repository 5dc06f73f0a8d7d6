/**
 * What a capture could not get, in words a person understands. Pure.
 *
 * Step names are those of the capture's own account (capture/collect.js, capture/session.js); one that is not known here is shown as it is.
 * @typedef {{captured: number, omitted: number, failedSteps: string[]}} Summary
 */

/** Step name → code of _locales (missed_<code>). */
const WORDS = /** @type {Record<string, string>} */ ({
  "attach debugger": "attach", "list frames and resources": "frames", "read frames": "frames", "find closed shadow roots": "shadow",
  "learn secrets": "secrets", "block re-fetch of style sheets": "bodies", "read bodies": "bodies", "save MHTML": "mhtml",
  "full-page screenshot": "fullpage", "pictures only in MHTML": "pictures", "read certificates": "certificates", "write page records": "records",
  "read post data": "post", "find the picked image": "image", "fetch the picked image again": "image",
});

/** @param {Summary} summary @returns {({code: string} | {name: string})[]} each thing once, in the order it happened */
export function missedParts({ failedSteps }) {
  const codes = new Map(failedSteps.map((name) => [WORDS[name] ?? name, WORDS[name] ? { code: /** @type {string} */ (WORDS[name]) } : { name }]));
  return [...codes.values()];
}
