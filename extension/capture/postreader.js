import { readPost } from "./platforms/readpost.js";

/** @typedef {import("./platforms/types.js").PostMetadata} PostMetadata */

const MAX_STATEMENT_CHARS = 120_000; // the envelope may hold 1 MiB, and a character of JSON is up to four bytes, a third more in base64
const MAX_BODY_BYTES = 4 << 20;
const MAX_BODIES_BYTES = 16 << 20;

/** Keeps the JSON answers of a page while its bodies go by, and reads the post out of them and the page at the end. */
export class PostReader {
  constructor() {
    /** @type {import("./platforms/types.js").ResponseBody[]} */
    this.bodies = [];
    this.sizeBytes = 0;
  }

  /** @param {Pick<import("./bodies.js").ReadBody, "url" | "mime" | "text" | "bytes">} body any body of the page: only JSON of a reasonable size is kept */
  offer({ url, mime, text, bytes }) {
    if (!/json/i.test(mime) || bytes.length > MAX_BODY_BYTES || this.sizeBytes + bytes.length > MAX_BODIES_BYTES) return;
    this.sizeBytes += bytes.length;
    this.bodies.push({ url, mime, text: text ?? new TextDecoder().decode(bytes) });
  }

  /**
   * @param {import("./pageprobe.js").FrameProbe} probe of the top frame @param {string} capturedAt RFC 3339
   * @param {import("./secrets/stripper.js").SecretStripper} stripper
   * @returns {PostMetadata} the page's own word, secrets removed, small enough for a statement. Never throws for what a page says.
   */
  read({ url, data, meta, html, language }, capturedAt, stripper) {
    const post = readPost({ url, jsonTexts: data, metaTags: meta, html, language, capturedAt, bodies: this.bodies });
    return fitPost(/** @type {PostMetadata} */ (stripped(post, stripper)));
  }
}

/** @param {unknown} value @param {import("./secrets/stripper.js").SecretStripper} stripper @returns {unknown} the same shape */
function stripped(value, stripper) {
  if (typeof value === "string") return /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? stripper.url(value, "post") : stripper.text(value, "post");
  if (Array.isArray(value)) return value.map((part) => stripped(part, stripper));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, stripped(part, stripper)]));
}

/** @param {PostMetadata} post @returns {PostMetadata} the longest parts left out, and said so, until it fits a statement */
export function fitPost(post) {
  let fitted = post;
  const leaveOut = /** @type {[string, Partial<PostMetadata>][]} */ ([["media", { media: [] }], ["text", { text: null }], ["claims", { claims: [] }], ["counts", { counts: [] }]]);
  for (const [name, without] of leaveOut) {
    if (JSON.stringify(fitted).length <= MAX_STATEMENT_CHARS) break;
    fitted = { ...fitted, ...without, problems: [...fitted.problems, `${name}: too long for the statement`] };
  }
  return fitted;
}
