import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { surt } from "../../../extension/archive/cdxj.js";
import { crc32 } from "../../../extension/archive/crc32.js";
import { ArchiveError } from "../../../extension/archive/errors.js";
import { gzipBlob, gzipMember, isIncompressible } from "../../../extension/archive/gzip.js";
import { requestHead, responseHead } from "../../../extension/archive/http.js";
import { BufferedFile, memorySink } from "../../../extension/archive/sink.js";
import { WarcWriter } from "../../../extension/archive/warc.js";
import { storedZip } from "../../../extension/archive/zip.js";
import { chunksOf } from "../../../extension/seal/chunks.js";

const utf8 = (text) => new TextEncoder().encode(text);
const joined = (parts) => Buffer.concat(parts);
const random = (size) => new Uint8Array(randomBytes(size));
const DATE = new Date("2026-01-02T03:04:05.678Z");

test("CRC-32 has the value of the standard, in one go and in pieces of every length", () => {
  assert.equal(crc32(utf8("123456789")), 0xcbf43926);
  const data = random(1000);
  for (let cut = 0; cut < 12; cut += 1) assert.equal(crc32(data.subarray(cut), crc32(data.subarray(0, cut))), crc32(data));
});

test("a gzip member unpacks to what went in, stored and deflated, across block borders", async () => {
  for (const size of [0, 1, 65535, 65536, 200_001]) {
    const parts = [random(size), utf8("end")];
    for (const store of [true, false]) {
      assert.deepEqual(gunzipSync(joined(await gzipMember(parts, { store }))), joined(parts), `${size} ${store}`);
    }
  }
});

test("a blob gives the same members, whether it is larger than a chunk or empty", async () => {
  for (const size of [0, 1, 262_144, 700_001]) {
    const data = random(size);
    for (const store of [true, false]) {
      const member = [];
      for await (const chunk of gzipBlob(new Blob([data.subarray(0, 3), data.subarray(3)]), { store })) member.push(chunk.slice());
      assert.deepEqual(gunzipSync(joined(member)), Buffer.from(data), `${size} ${store}`);
    }
  }
});

test("reading a large blob takes one buffer, and lets others have their turn", async () => {
  const data = random(2_000_000);
  let turns = 0;
  const counting = setInterval(() => { turns += 1; }, 1);
  const read = [];
  let most = 0;
  for await (const chunk of chunksOf(new Blob([data]))) {
    read.push(chunk.slice());
    most = Math.max(most, chunk.buffer.byteLength);
    for (const begun = performance.now(); performance.now() - begun < 20;); // a busy reader
  }
  clearInterval(counting);
  assert.deepEqual(joined(read), Buffer.from(data));
  assert.ok(most <= 262_144, `${most} bytes at once`);
  assert.ok(turns >= 2, `${turns} turns`);
});

test("what does not shrink is known by three samples, whatever its name", async () => {
  const noise = random(600_000);
  assert.equal(await isIncompressible(new Blob([noise])), true);
  assert.equal(await isIncompressible(new Blob([noise, new Uint8Array(600_000)])), false);
  assert.equal(await isIncompressible(new Blob([utf8("<li>entry</li>".repeat(20_000))])), false);
  const writer = new WarcWriter(memorySink());
  const { length } = await writer.write({ type: "resource", targetUri: "https://a.example/", date: DATE, contentType: "application/octet-stream", payload: new Blob([noise]) });
  const { blob } = await writer.close();
  const member = Buffer.from(await blob.slice(blob.size - length).arrayBuffer());
  assert.equal(gunzipSync(member).subarray(-600_004, -4).equals(Buffer.from(noise)), true);
  assert.ok(member.includes(Buffer.from(noise.subarray(1000, 1100))), "kept in stored blocks");
});

test("a file gets what was written, in order, always out of the same buffer", async () => {
  const written = [];
  const buffers = new Set();
  const file = new BufferedFile({
    write: async (part) => {
      buffers.add(part.buffer);
      written.push(part.slice());
    },
    close: async () => void written.push(utf8("closed")),
  }, new Uint8Array(1000));
  const chunks = [1, 999, 1000, 2500, 0, 17].map(random);
  for (const chunk of chunks) await file.write(chunk);
  await file.close();
  assert.deepEqual(joined(written), joined([...chunks, utf8("closed")]));
  assert.equal(buffers.size, 1);
});

test("the same input gives the same stored member", async () => {
  const parts = [utf8("same")];
  assert.deepEqual(joined(await gzipMember(parts, { store: true })), joined(await gzipMember(parts, { store: true })));
});

test("records written at once stand whole, one after the other, and the running hash is that of the file", async () => {
  const writer = new WarcWriter(memorySink());
  const bodies = [random(70_000), utf8("<p>é</p>"), new Uint8Array(0)];
  await Promise.all(bodies.map((payload, index) => writer.write({ type: "resource", targetUri: `https://a.example/${index}`, date: DATE,
    contentType: index === 0 ? "image/png" : "text/html", payload, metadata: { source: "generated" } })));
  const { blob, sizeBytes, crc32: crc, sha256 } = await writer.close();
  const file = Buffer.from(await blob.arrayBuffer());
  assert.equal(file.length, sizeBytes);
  assert.equal(crc32(file), crc);
  assert.equal(createHash("sha256").update(file).digest("hex"), sha256);
  for (const [index, { offset, length, payloadDigest }] of writer.records.entries()) {
    const record = gunzipSync(file.subarray(offset, offset + length));
    const [head] = record.toString("latin1").split("\r\n\r\n", 1);
    assert.match(head, /^WARC\/1\.1\r\nWARC-Type: resource\r\n/);
    assert.match(head, /WARC-Date: 2026-01-02T03:04:05\.678Z/);
    const payload = record.subarray(head.length + 4, record.length - 4);
    assert.deepEqual(payload, Buffer.from(bodies[index]));
    assert.equal(payloadDigest, `sha256:${createHash("sha256").update(payload).digest("hex")}`);
    assert.equal(head.includes(`WARC-Block-Digest: ${payloadDigest}`), true);
  }
});

test("nothing can be added once the hash is taken", async () => {
  const writer = new WarcWriter(memorySink());
  await writer.close();
  await assert.rejects(writer.write({ type: "resource", targetUri: "urn:x:y", date: DATE, contentType: "text/plain", payload: utf8("late") }), ArchiveError);
});

test("one record that cannot be written does not spoil those after it", async () => {
  const sink = memorySink();
  const writer = new WarcWriter(sink);
  const bad = writer.write({ type: "resource", targetUri: "urn:x:1", date: new Date(NaN), contentType: "text/plain", payload: utf8("no date") });
  const good = writer.write({ type: "resource", targetUri: "urn:x:2", date: DATE, contentType: "text/plain", payload: utf8("fine") });
  await assert.rejects(bad);
  await good;
  assert.deepEqual(writer.records.map(({ targetUri }) => targetUri), ["urn:x:2"]);
  const { blob } = await writer.close();
  assert.match(gunzipSync(Buffer.from(await blob.arrayBuffer())).toString(), /fine/);
});

test("a page's address or header value cannot add a header of its own", async () => {
  const writer = new WarcWriter(memorySink());
  await writer.write({ type: "response", targetUri: "https://a.example/\r\nWARC-Type: warcinfo", date: DATE, contentType: "application/http; msgtype=response",
    head: responseHead("HTTP/1.1 200 OK\r\nX-Forged: 1", [["X-A", "1\r\nX-Forged: 2"], ["Bad Name", "x"]], 1), payload: utf8("x"),
    headers: [["WARC-IP-Address", "1.2.3.4\r\nX-Forged: 3"]] });
  const { blob } = await writer.close();
  const text = gunzipSync(Buffer.from(await blob.arrayBuffer())).toString();
  assert.doesNotMatch(text, /^(X-Forged|WARC-Type: warcinfo|Bad Name)/m);
  assert.match(text, /WARC-Target-URI: https:\/\/a\.example\/%0D%0AWARC-Type:%20warcinfo\r\n/);
});

test("a decoded body keeps its old framing headers under other names and has its true length", () => {
  const head = new TextDecoder().decode(responseHead("HTTP/1.1 200 OK", [["Content-Encoding", "br"], ["content-length", "17"], ["Set-Cookie", "a"], ["Set-Cookie", "b"]], 42));
  assert.equal(head, "HTTP/1.1 200 OK\r\nX-Archive-Orig-Content-Encoding: br\r\nX-Archive-Orig-content-length: 17\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 42\r\n\r\n");
  assert.equal(new TextDecoder().decode(requestHead("GET", "https://a.example:8443/p?q=1", [])), "GET /p?q=1 HTTP/1.1\r\nHost: a.example:8443\r\n\r\n");
});

test("index keys sort hosts from the right and leave our own addresses alone", () => {
  assert.equal(surt("https://www.A.example/Path?b=2&a=1"), "example,a)/path?a=1&b=2");
  assert.equal(surt("http://127.0.0.1:8101/"), "1,0,0,127:8101)/");
  assert.equal(surt("urn:text:https://a.example/"), "urn:text:https://a.example/");
});

test("a zip that would need zip64 is refused, not written wrongly", () => {
  const huge = { size: 0xffffffff, stream() {}, slice() {} };
  assert.throws(() => storedZip([{ name: "a", data: huge, crc32: 0 }, { name: "b", data: utf8("x") }], DATE), ArchiveError);
  assert.throws(() => storedZip([{ name: "a", data: new Blob(["x"]) }], DATE), /CRC-32/);
});
