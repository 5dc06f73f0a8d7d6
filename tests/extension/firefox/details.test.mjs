// How the browser's own account of a request is read, and which pages the person's consent covers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isWanted, NO_CONSENT, parseConsent, parseHosts } from "../../../extension/capture/firefox/consent.js";
import { answerFacts, requestBodyOf, topOf } from "../../../extension/capture/firefox/details.js";

const text = (bytes) => new TextDecoder().decode(bytes);

test("cookies that the browser joined are lines of their own again", () => {
  const { responseHeaders } = answerFacts({ responseHeaders: [{ name: "Set-Cookie", value: "a=1; Path=/\nb=2" }, { name: "X-One", value: "1" }, { name: "X-Two", binaryValue: [0xe9] }, { name: "X-None" }] });
  assert.deepEqual(responseHeaders, [["Set-Cookie", "a=1; Path=/"], ["Set-Cookie", "b=2"], ["X-One", "1"], ["X-Two", "é"], ["X-Holdstill-Omitted", "X-None; not text"]]);
});

test("an answer's facts are those of the wire", () => {
  const facts = answerFacts({ timeStamp: 5, statusLine: "HTTP/2 200 ", statusCode: 200, ip: "192.0.2.1", responseHeaders: [] });
  assert.deepEqual(facts, { respondedAt: 5, statusLine: "HTTP/2 200 ", status: 200, ip: "192.0.2.1", fromCache: false, responseHeaders: [], protocol: "h2" });
});

test("what was posted is kept: raw as it was, a form put together again, too much of it named", () => {
  assert.equal(requestBodyOf(null), null);
  assert.equal(text(requestBodyOf({ raw: [{ bytes: new TextEncoder().encode('{"a":').buffer }, { bytes: new TextEncoder().encode("1}").buffer }] }).bytes), '{"a":1}');
  const form = requestBodyOf({ formData: { name: ["Ana Maria"], tag: ["x", "y"] } });
  assert.deepEqual([text(form.bytes), form.note], ["name=Ana+Maria&tag=x&tag=y", "put together from the form's fields"]);
  assert.match(requestBodyOf({ raw: [{ bytes: new ArrayBuffer(300 << 10) }] }).note, /^omitted: 307200 bytes$/);
  assert.equal(requestBodyOf({ raw: [{ file: "holiday.jpg" }] }).note, "without the files that were sent");
  assert.match(requestBodyOf({ error: "Unknown error" }).note, /^omitted: Unknown/);
});

test("a request belongs to the page in the tab, whatever frame made it", () => {
  assert.equal(topOf({ type: "main_frame", frameId: 0, url: "https://a.example/", documentUrl: "https://before.example/" }), "https://a.example/");
  assert.equal(topOf({ type: "image", frameId: 0, url: "https://cdn.example/1.png", frameAncestors: [], documentUrl: "https://a.example/" }), "https://a.example/");
  assert.equal(topOf({ type: "image", frameId: 9, url: "https://cdn.example/1.png", documentUrl: "https://ad.example/",
    frameAncestors: [{ url: "https://mid.example/" }, { url: "https://a.example/" }] }), "https://a.example/");
});

test("without consent no page is kept, and no stored nonsense is consent", () => {
  for (const stored of [undefined, null, {}, { givenAt: true }, "yes"]) assert.equal(parseConsent(stored), NO_CONSENT);
  assert.equal(isWanted(NO_CONSENT, "https://a.example/"), false);
});

test("lists of sites mean pages, with their subdomains, and nothing that merely ends the same", () => {
  const consent = parseConsent({ givenAt: "2026-11-22T00:00:00Z", megabytes: 100_000, sites: "only", list: ["example.org", 5] });
  assert.deepEqual([consent.megabytes, consent.list], [512, ["example.org"]]);
  assert.deepEqual(["https://example.org/", "https://www.example.org/a", "https://notexample.org/", "about:blank"].map((url) => isWanted(consent, url)), [true, true, false, false]);
  assert.deepEqual(["https://www.example.org/", "https://other.example/"].map((url) => isWanted({ ...consent, sites: "except" }, url)), [false, true]);
  assert.deepEqual(parseHosts("example.org, https://www.Example.net/path\n\nexample.org"), ["example.org", "www.example.net"]);
});
