/** @typedef {{ext: string, mediaType: string}} ImageType */

/** What stands at the start of a file, as latin-1. The first that fits counts. @type {[RegExp, ImageType][]} */
const SIGNATURES = [
  [/^\x89PNG\r\n\x1a\n/, { ext: "png", mediaType: "image/png" }],
  [/^\xff\xd8\xff/, { ext: "jpg", mediaType: "image/jpeg" }],
  [/^GIF8[79]a/, { ext: "gif", mediaType: "image/gif" }],
  [/^RIFF[^]{4}WEBP/, { ext: "webp", mediaType: "image/webp" }],
  [/^[^]{4}ftypavi[fs]/, { ext: "avif", mediaType: "image/avif" }],
  [/^[^]{4}ftyp(hei[cxm]|mif1|msf1)/, { ext: "heic", mediaType: "image/heic" }],
  [/^(\xff\x0a|\x00{3}\x0cJXL \r\n\x87\n)/, { ext: "jxl", mediaType: "image/jxl" }],
  [/^BM[^]{4}\x00{4}/, { ext: "bmp", mediaType: "image/bmp" }],
  [/^\x00\x00\x01\x00/, { ext: "ico", mediaType: "image/x-icon" }],
  [/^(II\*\x00|MM\x00\*)/, { ext: "tif", mediaType: "image/tiff" }],
  [/^(\xef\xbb\xbf)?\s*(<\?xml[^]*?\?>\s*)?(<!--[^]*?-->\s*)*(<!DOCTYPE svg[^>]*>\s*)?<svg[\s>]/i, { ext: "svg", mediaType: "image/svg+xml" }],
];
const UNKNOWN = { ext: "bin", mediaType: "application/octet-stream" };
const LOOKED_AT = 1024;

/**
 * The type of a picture by its first bytes: a server's word about it, and the address's ending, are often wrong.
 * @param {Uint8Array} bytes @returns {ImageType} `bin` when nothing is recognised. Not checked: that the rest is such a picture.
 */
export function sniffImage(bytes) {
  const start = Array.from(bytes.subarray(0, LOOKED_AT), (byte) => String.fromCharCode(byte)).join("");
  return SIGNATURES.find(([pattern]) => pattern.test(start))?.[1] ?? UNKNOWN;
}

/**
 * The bytes of a picture that stands in its own address.
 * @param {string} url `data:…` @returns {import("../../seal/encoding.js").Bytes | null} null: not such an address, or not decodable
 */
export function bytesOfDataUrl(url) {
  const found = /^data:([^,]*),/i.exec(url);
  if (!found) return null;
  try {
    const text = decodeURIComponent(url.slice(found[0].length).replace(/#.*$/s, ""));
    return /;base64\s*$/i.test(found[1]) ? Uint8Array.from(atob(text), (char) => char.charCodeAt(0)) : new TextEncoder().encode(text);
  } catch {
    return null;
  }
}
