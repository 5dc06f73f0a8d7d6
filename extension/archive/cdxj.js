import { utf8 } from "../seal/encoding.js";
import { sha256Hex } from "../seal/hashing.js";
import { concat } from "../seal/encoding.js";
import { gzipMember } from "./gzip.js";

/** @typedef {import("../seal/encoding.js").Bytes} Bytes */

const LINES_PER_BLOCK = 1024;

/**
 * The compressed CDXJ index and its secondary index for one WARC file.
 * @param {import("./warc.js").WrittenRecord[]} records @param {string} filename of the WARC within `archive/`
 * @returns {Promise<{cdx: Bytes, idx: Bytes}>} `cdx`: gzip members of up to 1024 sorted lines; `idx`: one line for each member.
 *   Source: WACZ 1.1.1 §5.1, CDXJ 0.1
 */
export async function buildIndex(records, filename) {
  const lines = records.filter(({ type }) => type === "response" || type === "resource").map((record) => cdxLine(record, filename)).sort();
  const blocks = [];
  const index = [`!meta 0 ${JSON.stringify({ format: "cdxj-gzip-1.0", filename: "index.cdx.gz" })}\n`];
  let offset = 0;
  for (let at = 0; at < lines.length; at += LINES_PER_BLOCK) {
    const block = lines.slice(at, at + LINES_PER_BLOCK);
    const packed = concat(...await gzipMember([utf8(block.join(""))], { store: false }));
    const key = block[0].split(" ", 2).join(" ");
    const digest = `sha256:${sha256Hex(packed)}`;
    index.push(`${key} ${JSON.stringify({ offset, length: packed.length, digest, filename: "index.cdx.gz" })}\n`);
    blocks.push(packed);
    offset += packed.length;
  }
  return { cdx: concat(...blocks), idx: utf8(index.join("")) };
}

/** @param {import("./warc.js").WrittenRecord} record @param {string} filename @returns {string} */
function cdxLine(record, filename) {
  const { targetUri: url, mime, payloadDigest: digest, length, offset } = record;
  const timestamp = record.date.toISOString().replace(/\D/g, "").slice(0, 14);
  const status = record.status === null ? {} : { status: String(record.status) };
  return `${surt(url)} ${timestamp} ${JSON.stringify({ url, mime, ...status, digest, length: String(length), offset: String(offset), filename })}\n`;
}

/**
 * The sort key of a URL: host reversed, `www.` dropped, lower case, query sorted; anything that is not http(s) stays as it is.
 * @param {string} url @returns {string} the form that ReplayWeb.page and pywb look up
 */
export function surt(url) {
  if (!/^https?:/i.test(url) || !URL.canParse(url)) return url;
  const parsed = new URL(url.replace(/^(https?:\/\/)www\d*\./i, "$1").toLowerCase());
  parsed.searchParams.sort();
  return `${parsed.hostname.split(".").reverse().join(",")}${parsed.port ? `:${parsed.port}` : ""})${parsed.pathname}${parsed.search}`;
}
