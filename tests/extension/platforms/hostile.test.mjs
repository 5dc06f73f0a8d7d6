import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parseJsonText } from "../../../extension/capture/platforms/idjson.js";
import { LIMITS } from "../../../extension/capture/platforms/limits.js";
import { MODULES, readPost } from "../../../extension/capture/platforms/readpost.js";
import { growth } from "../capture/growth.mjs";
import { pick, random, someJson } from "./junk.mjs";

const FOLDER = new URL("./fixtures/", import.meta.url);
const FIXTURES = readdirSync(FOLDER).map((name) => ({ name, text: readFileSync(new URL(name, FOLDER), "utf8") }));
const URLS = ["https://x.com/harbourgazette/status/2028040106668986369", "https://x.com/harbourgazette", "https://www.tiktok.com/@far.inventat/video/7612217134371556629", "https://www.tiktok.com/@far.inventat",
  "https://www.instagram.com/p/DVVjuy8gS_R/", "https://www.instagram.com/lighthouse.invented/", "https://www.facebook.com/portexample/posts/pfbid02ExampleExampleExampleExampleExample1",
  "https://www.facebook.com/portexample/posts/1234567890123456789", "https://www.facebook.com/portexample", "https://www.facebook.com/ads/library/?id=998877665544332",
  "https://www.youtube.com/watch?v=Ab-Cd_Ef123", "https://www.youtube.com/@latarnia-wymyslona", "https://t.me/s/vyhadanyimayak/42", "https://vk.com/wall-123456_456", "https://vk.com/mayak_vymysel",
  "https://bsky.app/profile/lighthouse.example/post/3mfygj4heaf2b", "https://bsky.app/profile/did:plc:inventedinventedinvented1",
  "https://www.linkedin.com/feed/update/urn:li:activity:7433805796212744191/", "https://www.linkedin.com/in/somebody", "https://journal.example/ville/phare", "about:blank", "", "not a url"];

/** Names and values that the platforms use, so that junk gets past the first test of a module. */
const KEYS = [...new Set(FIXTURES.flatMap(({ text }) => [...text.matchAll(/"([\w@$]+)"\s*:/g)].map((match) => match[1]))), "__proto__", "toString", "valueOf", "length", "constructor", "then"];
const LEAVES = [...new Set(FIXTURES.flatMap(({ text }) => [...text.matchAll(/:\s*"([^"\\]{1,80})"/g)].map((match) => match[1]))), "", "\ud800", "x".repeat(30_000), "-1", "9".repeat(40), "javascript:alert(1)"];

/** What has to be true of anything that comes out. */
function assertSound(post, what) {
  for (const name of ["accountId", "accountHandle", "accountName", "postId", "postUrl", "text", "language"]) {
    assert.ok(post[name] === null || (typeof post[name] === "string" && post[name] !== "" && post[name].isWellFormed()), `${what}: ${name} is ${JSON.stringify(post[name])}`);
  }
  assert.ok((post.text ?? "").length <= LIMITS.postChars && (post.accountName ?? "").length <= LIMITS.nameChars, what);
  assert.ok(post.counts.length <= LIMITS.counts && post.media.length <= LIMITS.media && post.claims.length <= LIMITS.claims && post.problems.length <= LIMITS.problems, what);
  for (const { low, high, asWritten } of post.counts) assert.ok(Number.isSafeInteger(low) && low >= 0 && (high === null || high >= low) && asWritten.length <= LIMITS.writtenChars, what);
  for (const { url } of post.media) assert.match(url, /^https?:\/\//i, what);
  for (const { value, source, precisionS } of post.postedAt) assert.ok(!Number.isNaN(Date.parse(value)) && value.endsWith("Z") && precisionS > 0 && /^(platform_id|embedded_json|displayed)$/.test(source), what);
  const ranks = post.postedAt.map(({ source }) => ["platform_id", "embedded_json", "displayed"].indexOf(source));
  assert.deepEqual(ranks, ranks.toSorted(), what);
  for (const { state, where, reason, value } of post.claims) {
    if (state === "not_checked") assert.ok(reason, `${what}: a claim that was not checked says why`);
    else assert.ok(where !== null && reason === null, `${what}: ${state} without a place`);
    assert.ok(value === null || typeof value !== "object", what);
  }
  assert.ok(!post.problems.some((problem) => problem.includes("stopped by an error")), `${what}: ${post.problems.join("; ")}`);
  assert.doesNotThrow(() => JSON.stringify(post));
}

test("inputs of the wrong shape give an empty post and no error", () => {
  for (const stored of [null, undefined, 5, "x", [], {}, { url: 5 }, { url: "https://x.com/a/status/1", jsonTexts: 5, bodies: {}, metaTags: [null, { name: 1 }], html: 7, language: {}, capturedAt: [] },
    { url: "https://x.com/a/status/1", jsonTexts: [null, 5, {}, { text: 5 }, { id: 5, text: "{}" }], bodies: [null, { mime: 5, text: "[]" }] }]) {
    assertSound(readPost(stored), JSON.stringify(stored));
  }
});

test("every fixture at every address gives something sound", () => {
  for (const url of URLS) for (const { name, text } of FIXTURES) assertSound(readPost({ url, jsonTexts: [text], html: text, language: "de" }), `${name} at ${url}`);
});

test("cut, doubled and altered fixtures give something sound", () => {
  const next = random(41);
  for (let round = 0; round < 800; round += 1) {
    const { name, text } = pick(next, FIXTURES);
    const url = pick(next, URLS);
    let altered = text;
    for (let edit = Math.floor(next() * 6); edit >= 0; edit -= 1) {
      const at = Math.floor(next() * altered.length);
      const piece = pick(next, ["", '"', "{", "}", "[", "]", "<", ">", "null", "1e999", "\\", "\0", "&#x110000;", altered.slice(at, at + 200)]);
      altered = altered.slice(0, at) + piece + altered.slice(at + Math.floor(next() * 40));
    }
    if (next() < 0.3) altered = altered.slice(0, Math.floor(next() * altered.length));
    assertSound(readPost({ url, bodies: [{ text: altered }], html: altered }), `${name} at ${url}, round ${round}`);
  }
});

test("values of any type under the platforms' own names give something sound", () => {
  const next = random(42);
  for (let round = 0; round < 1500; round += 1) {
    const url = pick(next, URLS);
    const text = JSON.stringify(someJson(next, 7, KEYS, LEAVES) ?? {});
    assertSound(readPost({ url, jsonTexts: [text, `[${text}]`] }), `round ${round} at ${url}`);
  }
});

test("a real post in which each value is replaced by junk gives something sound", () => {
  const next = random(43);
  const hostile = [null, 0, -1, "", [], {}, [[]], { toString: 1, valueOf: 1 }, "\ud800", 1e300, true, "x".repeat(30_000), [null], [{ toString: 1 }]];
  for (const { name, text } of FIXTURES.filter((fixture) => fixture.name.endsWith(".json"))) {
    const whole = parseJsonText(text).values[0];
    const places = [];
    const walk = (value, path) => typeof value === "object" && value !== null && Object.keys(value).forEach((key) => { places.push([...path, key]); walk(value[key], [...path, key]); });
    walk(whole, []);
    for (const path of places) {
      const copy = structuredClone(whole);
      const holder = path.slice(0, -1).reduce((value, key) => value[key], copy);
      holder[path.at(-1)] = pick(next, hostile);
      for (const url of URLS.filter((_, index) => index % 2 === round(path, index) % 2)) assertSound(readPost({ url, bodies: [{ text: JSON.stringify(copy) }] }), `${name} ${path.join(".")} at ${url}`);
    }
  }
});
const round = (path, index) => path.length + index;

test("an absent label stands on a field that is there: without the field it is not checked", () => {
  let tried = 0;
  for (const url of URLS) {
    for (const { name, text } of FIXTURES.filter((fixture) => fixture.name.endsWith(".json"))) {
      const absent = readPost({ url, bodies: [{ text }] }).claims.filter(({ state }) => state === "absent");
      for (const { where, platformField, value } of absent) {
        const copy = parseJsonText(text).values[0];
        const path = [...where.split("#$")[1].matchAll(/\.([\w$]+)|\[(\d+)\]|\["([^"]+)"\]/g)].map(([, plain, index, odd]) => plain ?? odd ?? Number(index));
        const holder = path.slice(0, -1).reduce((here, key) => here[key], copy);
        const stood = holder[path.at(-1)];
        assert.deepEqual(typeof stood === "object" ? JSON.stringify(stood) : stood, value, `${name}: the path leads to the value`);
        delete holder[path.at(-1)];
        const after = readPost({ url, bodies: [{ text: JSON.stringify(copy) }] });
        assert.ok(!after.claims.some((claim) => claim.state === "absent" && claim.platformField === platformField), `${name}: ${platformField} is absent without its field`);
        tried += 1;
      }
    }
  }
  assert.ok(tried >= 8, `only ${tried} absent claims were tried`);
});

test("a page of the largest size is read up to the limit, and says what was left", () => {
  const story = `{"post_id":"1234567890123456789","message":{"text":"a"},"creation_time":1772357415,"x":[${"{},".repeat(2000)}{}]}`;
  const big = `[${Array.from({ length: 1000 }, () => story).join(",")}]`;
  assert.ok(big.length < LIMITS.textChars);
  const post = readPost({ url: "https://www.facebook.com/portexample/posts/1234567890123456789", bodies: Array.from({ length: 6 }, () => ({ text: `${big} ` })).map(({ text }, index) => ({ text: text.replace('"a"', `"${index}"`) })) });
  assertSound(post, "large");
  assert.match(post.problems.join(), /not read, the page holds more data than the limit/);
});

test("a script that names a platform's data very often costs no more than its length", () => {
  const page = (/** @type {number} */ times) => `<script>${"ytInitialData={".repeat(times)}</script>${"<a ".repeat(times / 2)}${"<script>".repeat(times / 5)}${"<div class='x".repeat(times / 5)}`;
  for (const url of URLS) assertSound(readPost({ url, html: page(10_000) }), url);
  const grown = growth(20_000, (times) => {
    const html = page(times);
    return () => URLS.forEach((url) => readPost({ url, html }));
  });
  assert.ok(grown < 9, `${grown} times the work for four times the page`);
});

test("a body over the limit is named as not read, whatever its type says", () => {
  const post = readPost({ url: URLS[0], bodies: [{ text: `["${"x".repeat(LIMITS.textChars)}"]` }] });
  assert.match(post.problems.join(), /bodies\[0\]: longer than 8388608 characters: not read/);
});

test("long runs of blanks and slashes cost no more than their length", () => {
  const tried = (/** @type {number} */ length) => {
    const blanks = " ".repeat(length);
    const html = `<div data-post="vyhadanyimayak/42"><div class="js-message_text">a${blanks}b</div><span class="tgme_widget_message_views">${blanks}</span><i style="background-image${blanks}"></i></div>`;
    const slashes = { url: `https://journal.example/${"/".repeat(8000)}a`, metaTags: [{ name: "og:url", content: `https://journal.example/${"/".repeat(8000)}b` }], jsonTexts: [`{"@type":"Article","url":"${"/".repeat(length / 10)}"${blanks}}`] };
    return () => {
      assertSound(readPost({ url: "https://t.me/vyhadanyimayak/42", html }), "blanks");
      assertSound(readPost(slashes), "slashes");
    };
  };
  const grown = growth(1_000_000, tried);
  assert.ok(grown < 9, `${grown} times the work for four times the blanks`);
});

test("every module has a name and a version, and the last one takes any address", () => {
  assert.equal(new Set(MODULES.map(({ name }) => name)).size, MODULES.length);
  for (const { version } of MODULES) assert.match(version, /^\d+$/);
  assert.ok(MODULES.at(-1).matches(new URL("https://example.org")));
});
