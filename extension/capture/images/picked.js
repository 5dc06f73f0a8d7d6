import { bytesFromBase64 } from "../bodybytes.js";
import { placeByDebugger } from "./place.js";
import { bytesOfDataUrl, sniffImage } from "./type.js";

/** @typedef {import("../bodies.js").ReadBody} ReadBody */
/** @typedef {import("../debugger.js").TabDebugger} TabDebugger */
/** @typedef {import("../frames.js").Frame} Frame */
/** @typedef {import("./place.js").ImageWish} ImageWish */
/** @typedef {import("./place.js").Place} Place */
/** @typedef {{bytes: import("../../seal/encoding.js").Bytes, source: import("../types.js").BodySource, exact: boolean, text: string | null}} Original */

const MAX_BYTES = 64 << 20;
const CHUNK_BYTES = 1 << 20;
const DATA_URL_SHOWN = 64;

/**
 * One picture that the person pointed at: its bytes as they were served, and its place on the screen.
 *
 * The bytes come from the load that is on screen. Only when that gives none, and only when the person's setting says so, is the site asked
 * again: then the source says `refetched`.
 */
export class PickedImage {
  /** @param {{wish: ImageWish, place: Place | null, mayRefetch: boolean}} picked place: as found right after the shot */
  constructor({ wish, place, mayRefetch }) {
    this.wish = wish;
    this.place = place;
    this.mayRefetch = mayRefetch;
    this.reason = "the browser does not hold its bytes any more";
    const inline = bytesOfDataUrl(wish.srcUrl);
    /** @type {Original | null} */
    this.original = inline && { bytes: inline, source: "live_memory", exact: true, text: null };
  }

  /** Takes what was read of the page, if it is this picture. @param {ReadBody} body @param {string} answered the address after redirects */
  offer(body, answered) {
    const wanted = bare(this.wish.srcUrl);
    if (body.type !== "Image" || (bare(body.url) !== wanted && bare(answered) !== wanted)) return;
    if (this.original?.exact) return;
    this.original = { bytes: body.bytes, source: body.source, exact: body.exact, text: body.text };
  }

  /** @param {TabDebugger} tab @param {Frame[]} frames */
  async locate(tab, frames) {
    if (this.place === null) this.place = await placeByDebugger(tab, frames, this.wish);
  }

  /**
   * Asks the site once more, with the person's cookies, as the page would. Does nothing when the bytes are known or the setting forbids it.
   * @param {TabDebugger} tab @param {Frame[]} frames @returns {Promise<ReadBody | null>} for the archive
   */
  async refetch(tab, frames) {
    const url = this.wish.srcUrl;
    if (this.original !== null || !this.mayRefetch || !/^https?:/.test(url)) return null;
    this.reason = "asked again, the site did not give it";
    const frame = frames.find((one) => one.url === bare(this.wish.frameUrl)) ?? frames[0];
    const { resource } = await tab.send(frame.target, "Network.loadNetworkResource", { frameId: frame.id, url, options: { disableCache: false, includeCredentials: true } });
    if (!resource.success || resource.httpStatusCode !== 200) throw new Error(`asked again, the site answered ${resource.httpStatusCode ?? resource.netErrorName}`);
    const bytes = await readStream(tab, frame.target, resource.stream);
    this.original = { bytes, source: "refetched", exact: true, text: null };
    return { url, type: "Image", mime: sniffImage(bytes).mediaType, source: "refetched", bytes, text: null, exact: true, note: "asked of the site again, after the shot" };
  }

  /**
   * @param {import("../secrets/stripper.js").SecretStripper} stripper a picture that is text (SVG) and holds a secret is not kept: changed bytes are no original
   * @returns {import("../types.js").CaptureArtifact | null}
   */
  artifact(stripper) {
    if (this.original === null) return null;
    const { bytes, text } = this.original;
    const { ext, mediaType } = sniffImage(bytes);
    const words = text ?? (ext === "svg" ? new TextDecoder().decode(bytes) : null);
    if (words !== null && stripper.text(words, "image") !== words) {
      this.reason = "it holds a secret of the person's: the archive has it with the secret removed";
      this.original = null;
      return null;
    }
    return { role: "image", name: `image.1.${ext}`, mediaType, blob: new Blob([bytes], { type: mediaType }) };
  }

  /** @param {import("../secrets/stripper.js").SecretStripper} stripper @param {string | null} artifact its name @returns {import("../types.js").ImageSelection} */
  selection(stripper, artifact) {
    const { srcUrl, frameUrl } = this.wish;
    const place = this.place ?? { box: null, matches: 0, reason: "the page could not be read" };
    return {
      kind: "image", srcUrl: /^data:/i.test(srcUrl) ? srcUrl.slice(0, DATA_URL_SHOWN) : stripper.url(srcUrl, "address"), frameUrl: stripper.url(frameUrl, "address"),
      box: place.box, matches: place.matches, artifact, source: artifact === null ? null : this.original?.source ?? null,
      exact: artifact !== null && this.original?.exact === true,
      reason: [artifact === null ? this.reason : "", place.reason].filter(Boolean).join("; "),
    };
  }
}

/** @param {TabDebugger} tab @param {import("../debugger.js").Target} target @param {string} handle @returns {Promise<import("../../seal/encoding.js").Bytes>} */
async function readStream(tab, target, handle) {
  const parts = [];
  let size = 0;
  try {
    for (let isEnd = false; !isEnd;) {
      const { data, base64Encoded, eof } = await tab.send(target, "IO.read", { handle, size: CHUNK_BYTES });
      const part = base64Encoded ? bytesFromBase64(data) : new TextEncoder().encode(data);
      size += part.length;
      if (size > MAX_BYTES) throw new Error(`larger than ${MAX_BYTES} bytes`);
      parts.push(part);
      isEnd = eof;
    }
  } finally {
    await tab.send(target, "IO.close", { handle });
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** @param {string} url @returns {string} without fragment */
function bare(url) {
  return url.replace(/#.*$/s, "");
}
