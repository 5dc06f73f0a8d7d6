// A body from which a short secret was taken cannot be guessed back: nothing beside it is a plain hash of what it was.
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import { PageArchive } from "../../../extension/capture/pagearchive.js";
import { RecordedArchive } from "../../../extension/capture/recorded/archive.js";
import { bodyName } from "../../../extension/capture/recorded/bodies.js";
import { SecretStripper } from "../../../extension/capture/secrets/stripper.js";

const KEY = new Uint8Array(32).fill(7);
const URL_OF_PAGE = "https://a.test/page";
const TEXT = `<p>Words</p><input type="password" name="pin" value="0412">`;
const BYTES = new TextEncoder().encode(TEXT);
const plain = createHash("sha256").update(BYTES).digest();
const mark = createHmac("sha256", KEY).update(plain).digest("hex");

/** Keeps all that is written, with every byte of it. */
class Writer {
  written = [];
  async write({ head = new Uint8Array(0), payload, ...record }) {
    const bytes = payload instanceof Blob ? new Uint8Array(await payload.arrayBuffer()) : payload;
    this.written.push({ ...record, head: Buffer.from(head).toString(), payload: Buffer.from(bytes).toString() });
    return { recordId: "urn:uuid:0", payloadDigest: `sha256:${createHash("sha256").update(bytes).digest("hex")}` };
  }
}

function judge(writer, resources) {
  const said = JSON.stringify([writer.written, resources]);
  assert.match(said, /holdstill-redacted-/);
  assert.doesNotMatch(said, /0412/);
  for (const spelling of [plain.toString("hex"), plain.toString("base64")]) assert.equal(said.includes(spelling), false, "a plain hash of the body as it was");
  assert.deepEqual(resources.map(({ originalHmacSha256, exact }) => [originalHmacSha256, exact]), [[mark, false]]);
  assert.equal(writer.written[0].metadata.originalHmacSha256, mark);
  for (let pin = 0; pin < 10_000; pin += 1) { // all there are, by whoever has the capture and not the key
    const guess = createHash("sha256").update(TEXT.replace("0412", String(pin).padStart(4, "0"))).digest("hex");
    assert.equal(said.includes(guess), false);
  }
}

test("of a page as seen", async () => {
  const writer = new Writer();
  const final = { id: "1", url: URL_OF_PAGE, statusLine: "HTTP/1.1 200 OK", status: 200, responseHeaders: [], requestHeaders: [], method: "GET", startedAt: 0, respondedAt: 1, ip: null, protocol: null };
  const archive = new PageArchive({ writer, stripper: new SecretStripper({ key: KEY }), responses: { find: () => null, absence: "" }, timing: new Map(), capturedAt: new Date(0) });
  await archive.addBody({ url: URL_OF_PAGE, type: "Document", mime: "text/html", source: "http_cache", bytes: BYTES, text: TEXT, exact: true, note: "", known: { final, redirects: [], count: 1 } });
  judge(writer, archive.resources);
});

test("of a page that was recorded", async () => {
  const writer = new Writer();
  const exchange = { key: "1/0", requestId: "1", hop: 0, url: URL_OF_PAGE, type: "Document", method: "GET", requestHeaders: [], requestBody: null, requestBodyNote: "", startedAt: 0, respondedAt: 1,
    status: 200, statusLine: "HTTP/1.1 200 OK", responseHeaders: [], mime: "text/html", charset: null, ip: null, protocol: "", servedBy: "", redirectTo: null, exact: true, bodyNote: "", omitted: "" };
  const folder = { getFileHandle: async (name) => {
    if (name !== `${bodyName("1/0")}.0000`) throw new DOMException(name, "NotFoundError");
    return { getFile: async () => new Blob([BYTES]) };
  } };
  const archive = new RecordedArchive({ writer, stripper: new SecretStripper({ key: KEY }), resources: [], folder, isSecondLoad: false });
  await archive.write([exchange]);
  judge(writer, archive.resources);
});
