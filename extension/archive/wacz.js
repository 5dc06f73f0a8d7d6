import { utf8 } from "../seal/encoding.js";
import { sha256Hex } from "../seal/hashing.js";
import { buildIndex } from "./cdxj.js";
import { storedZip } from "./zip.js";

/** @typedef {import("../seal/encoding.js").Bytes} Bytes */

const WARC_NAME = "data.warc.gz";

/**
 * @typedef {object} WaczFacts
 * @property {{blob: Blob, sizeBytes: number, crc32: number, sha256: string}} warc  from WarcWriter.close()
 * @property {import("./warc.js").WrittenRecord[]} records
 * @property {{url: string, title: string, date: Date, text: string}} page
 * @property {Date} created
 * @property {string} software
 */

/**
 * A WACZ 1.1.1 around a finished WARC. The WARC is referred to, not read again: its hash was taken as it was written.
 * @param {WaczFacts} facts
 * @param {((text: string) => Promise<{signature: string, publicKey: string}>) | null} signPageDigest signs `sha256:<hex of
 *   datapackage.json>`; null leaves the package unsigned
 * @returns {Promise<Blob>} Source: WACZ 1.1.1 §5; WACZ signing and verification 0.1.0 (anonymous signature)
 */
export async function buildWacz(facts, signPageDigest) {
  const { warc, created } = facts;
  const { cdx, idx } = await buildIndex(facts.records, WARC_NAME);
  /** @type {{path: string, data: Blob | Bytes, sha256: string, sizeBytes: number, crc32?: number}[]} */
  const files = [
    { path: `archive/${WARC_NAME}`, data: warc.blob, sha256: warc.sha256, sizeBytes: warc.sizeBytes, crc32: warc.crc32 },
    measured("indexes/index.cdx.gz", cdx),
    measured("indexes/index.idx", idx),
    measured("pages/pages.jsonl", pagesFile(facts.page)),
  ];
  const datapackage = utf8(`${JSON.stringify(dataPackage(facts, files), null, 2)}\n`);
  const digest = await packageDigest(datapackage, facts, signPageDigest);
  const entries = files.map(({ path, data, crc32 }) => ({ name: path, data, crc32 }));
  const zip = storedZip([...entries, { name: "datapackage.json", data: datapackage }, { name: "datapackage-digest.json", data: digest }], created);
  return zip.slice(0, zip.size, "application/wacz+zip");
}

/** @param {string} path @param {Bytes} data */
function measured(path, data) {
  return { path, data, sha256: sha256Hex(data), sizeBytes: data.length };
}

/** @param {WaczFacts["page"]} page @returns {Bytes} */
function pagesFile({ url, title, date, text }) {
  const header = { format: "json-pages-1.0", id: "pages", title: "All Pages", hasText: true };
  return utf8(`${JSON.stringify(header)}\n${JSON.stringify({ id: crypto.randomUUID(), url, ts: date.toISOString(), title, text })}\n`);
}

/** @param {WaczFacts} facts @param {{path: string, sha256: string, sizeBytes: number}[]} files */
function dataPackage({ page, created, software }, files) {
  return {
    profile: "data-package",
    wacz_version: "1.1.1",
    title: page.title || page.url,
    mainPageUrl: page.url,
    mainPageDate: page.date.toISOString(),
    created: created.toISOString(),
    software,
    resources: files.map(({ path, sha256, sizeBytes }) => (
      { name: path.slice(path.lastIndexOf("/") + 1), path, hash: `sha256:${sha256}`, bytes: sizeBytes })),
  };
}

/** @param {Bytes} datapackage @param {WaczFacts} facts @param {Parameters<typeof buildWacz>[1]} signPageDigest @returns {Promise<Bytes>} */
async function packageDigest(datapackage, { created, software }, signPageDigest) {
  const hash = `sha256:${sha256Hex(datapackage)}`;
  const signed = signPageDigest && { hash, ...await signPageDigest(hash), created: created.toISOString(), software };
  return utf8(`${JSON.stringify({ path: "datapackage.json", hash, ...(signed ? { signedData: signed } : {}) }, null, 2)}\n`);
}
