// What the ring buffer keeps, what it gives up first, and that it says so: the pure reducer, without a browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EMPTY, keptBytes, LIMITS as USUAL, loadOf, noBody, reduce } from "../../../extension/capture/firefox/ringbuffer.js";

const LIMITS = { tabBytes: 100, totalBytes: 150, bodyBytes: 60, tabExchanges: 5, stallMs: 1000 };
let clock = 0;

function exchange(id, url, more = {}) {
  clock += 10;
  return { key: `${id}#${clock}`, id, tabId: 1, frameId: 0, url, method: "GET", type: "image", startedAt: clock, lastAt: clock, top: "https://a.example/", respondedAt: null,
    statusLine: "", status: null, ip: null, fromCache: false, requestHeaders: [], responseHeaders: [], redirectTo: null, error: null, body: noBody(), requestBody: null, ...more };
}

/** A buffer after these events, each given by what builds on the newest exchange's key. */
function after(events, from = EMPTY) {
  return events.reduce((state, event) => reduce(state, event, LIMITS), from);
}

/** All events of one answered exchange. */
function answered(one, bytes, { complete = true } = {}) {
  return [
    { type: "began", exchange: one },
    { type: "answered", id: one.id, url: one.url, facts: { respondedAt: one.startedAt + 1, status: 200, statusLine: "HTTP/1.1 200 OK" }, at: one.startedAt + 1 },
    ...(bytes > 0 ? [{ type: "data", key: one.key, bytes: new Uint8Array(bytes).fill(7), at: one.startedAt + 2 }] : []),
    ...(complete ? [{ type: "stopped", key: one.key, at: one.startedAt + 3 }] : []),
  ];
}

const page = (id, url, more = {}) => exchange(id, url, { type: "main_frame", ...more });
const bodyOf = (state, url) => state.exchanges.find((hop) => hop.url === url)?.body;

test("a body is kept in pieces, complete only when the browser says so", () => {
  const one = exchange("1", "https://a.example/1");
  const open = after([...answered(one, 10, { complete: false }), { type: "data", key: one.key, bytes: Uint8Array.of(1, 2), at: 1 }]);
  assert.deepEqual([bodyOf(open, one.url).state, bodyOf(open, one.url).sizeBytes, bodyOf(open, one.url).chunks.length], ["streaming", 12, 2]);
  assert.equal(bodyOf(after([{ type: "stopped", key: one.key, at: 2 }], open), one.url).state, "complete");
  assert.equal(EMPTY.exchanges.length, 0);
});

test("a tab over its share gives up the pages it left first, then video, documents last, and each says why", () => {
  const [old, document, film, picture] = [page("1", "https://a.example/old"), page("2", "https://a.example/"), exchange("3", "https://a.example/film", { type: "media" }), exchange("4", "https://a.example/picture")];
  const full = after([...answered(old, 30), ...answered(document, 30), ...answered(film, 30), ...answered(picture, 30)]);
  assert.deepEqual([old, document, film, picture].map(({ url }) => bodyOf(full, url).sizeBytes), [0, 30, 30, 30]);
  assert.match(bodyOf(full, old.url).reason, /^evicted from the buffer/);
  const fuller = after(answered(exchange("5", "https://a.example/5"), 40), full);
  assert.deepEqual([document, film, picture].map(({ url }) => bodyOf(fuller, url).sizeBytes), [30, 0, 30]);
  const fullest = after(answered(exchange("6", "https://a.example/6"), 60), fuller);
  assert.equal(bodyOf(fullest, document.url).sizeBytes, 30);
  assert.ok(keptBytes(fullest, 1) <= LIMITS.tabBytes);
});

test("never, between any two events, is more kept than 64 MB of a tab and 256 MB of all, and each exchange has its bytes or a reason", () => {
  assert.deepEqual([USUAL.tabBytes, USUAL.totalBytes], [64 << 20, 256 << 20]);
  const chunk = new Uint8Array(4 << 20); // one array for all: what counts is what is counted
  const tabs = [1, 2, 3, 4, 5, 6];
  let state = tabs.reduce((buffer, tabId) => answered(page(`d${tabId}`, `https://a.example/${tabId}`, { tabId }), 1000).reduce((one, event) => reduce(one, event), buffer), EMPTY);
  for (let round = 0; round < 20; round += 1) {
    for (const tabId of tabs) {
      const one = exchange(`${tabId}-${round}`, `https://a.example/${tabId}/${round}`, { tabId, type: round % 3 === 0 ? "media" : "image" });
      state = reduce(state, { type: "began", exchange: one });
      for (let part = 0; part <= round % 5; part += 1) {
        state = reduce(state, { type: "data", key: one.key, bytes: chunk, at: clock });
        assert.ok(keptBytes(state, tabId) <= USUAL.tabBytes && keptBytes(state) <= USUAL.totalBytes);
      }
      state = reduce(state, { type: "stopped", key: one.key, at: clock });
    }
  }
  assert.ok(keptBytes(state) > USUAL.totalBytes / 2);
  for (const { url, body } of state.exchanges) assert.ok(body.state === "complete" ? body.sizeBytes > 0 : /^evicted from the buffer: (64|256) MB$/.test(body.reason), url);
  for (const tabId of tabs) assert.equal(bodyOf(state, `https://a.example/${tabId}`).state, "complete"); // documents last
});

test("all tabs together stay within the common limit", () => {
  const events = [1, 2, 3].flatMap((tabId) => answered(page(`t${tabId}`, `https://a.example/${tabId}`, { tabId }), 60));
  const state = after(events);
  assert.ok(keptBytes(state) <= LIMITS.totalBytes);
  assert.equal(bodyOf(state, "https://a.example/3").sizeBytes, 60);
});

test("a body larger than one may be is given up whole, and what comes of it later is not kept", () => {
  const one = exchange("1", "https://a.example/big");
  const state = after([...answered(one, 50, { complete: false }), ...[1, 2, 3].map(() => ({ type: "data", key: one.key, bytes: new Uint8Array(50), at: 9 })), { type: "stopped", key: one.key, at: 10 }]);
  assert.deepEqual([bodyOf(state, one.url).state, keptBytes(state)], ["gone", 0]);
  assert.match(bodyOf(state, one.url).reason, /larger than/);
});

test("a redirect ends a hop and the next one has a stream of its own; the old stream's complaint changes nothing", () => {
  const [first, second] = [exchange("1", "https://a.example/from"), exchange("1", "https://a.example/to")];
  const state = after([
    { type: "began", exchange: first },
    { type: "redirected", id: "1", url: first.url, facts: { status: 302, respondedAt: 5, redirectTo: second.url }, at: 5 },
    ...answered(second, 20),
    { type: "broke", key: first.key, reason: "Channel redirected" },
  ]);
  assert.deepEqual(state.exchanges.map(({ url, redirectTo, body }) => [url, redirectTo, body.state]), [[first.url, second.url, "gone"], [second.url, null, "complete"]]);
  assert.match(bodyOf(state, first.url).reason, /^a redirect/);
});

test("a redirect that only happened inside the browser is no exchange", () => {
  const one = exchange("1", "http://a.example/");
  assert.deepEqual(after([{ type: "began", exchange: one }, { type: "redirected", id: "1", url: one.url, facts: { status: 0, redirectTo: "https://a.example/" }, at: 5 }]).exchanges, []);
});

test("an answer that never comes is called so, one that comes late is kept, and an open stream may pause", () => {
  const [silent, late, open] = [exchange("1", "https://a.example/silent"), exchange("2", "https://a.example/late"), exchange("3", "https://a.example/open")];
  const state = after([{ type: "began", exchange: silent }, { type: "began", exchange: late }, ...answered(open, 10, { complete: false }), { type: "ticked", at: clock + 5000 }]);
  assert.deepEqual([silent, late, open].map(({ url }) => bodyOf(state, url).state), ["stalled", "stalled", "streaming"]);
  assert.match(bodyOf(state, silent.url).reason, /service worker/);
  const woken = after([{ type: "data", key: late.key, bytes: new Uint8Array(5), at: clock + 6000 }], state);
  assert.deepEqual([bodyOf(woken, late.url).state, bodyOf(woken, late.url).reason], ["streaming", ""]);
});

test("a stream that breaks says why, unless it had ended", () => {
  const [broken, whole] = [exchange("1", "https://a.example/broken"), exchange("2", "https://a.example/whole")];
  const state = after([...answered(broken, 5, { complete: false }), ...answered(whole, 5), ...[broken, whole].map(({ key }) => ({ type: "broke", key, reason: "no bytes" }))]);
  assert.deepEqual([bodyOf(state, broken.url).reason, bodyOf(state, whole.url).state], ["no bytes", "complete"]);
});

test("the oldest exchanges of a long-lived tab are forgotten and counted, its document is not", () => {
  const document = page("0", "https://a.example/");
  const state = after([...answered(document, 5), ...[1, 2, 3, 4, 5, 6].flatMap((at) => answered(exchange(`p${at}`, `https://a.example/${at}`), 1))]);
  assert.deepEqual([state.exchanges.length, state.forgotten[1], state.exchanges[0].url], [5, 2, document.url]);
});

test("a closed tab leaves nothing", () => {
  const state = after([...answered(page("1", "https://a.example/"), 5), { type: "closed", tabId: 1 }]);
  assert.deepEqual(state, { exchanges: [], forgotten: {} });
});

test("events about what was never begun change nothing", () => {
  for (const event of [{ type: "data", key: "x", bytes: new Uint8Array(9), at: 1 }, { type: "stopped", key: "x", at: 1 }, { type: "broke", key: "x", reason: "" },
    { type: "answered", id: "x", url: "https://a.example/", facts: {}, at: 1 }, { type: "failed", id: "x", url: "https://a.example/", error: "e", at: 1 }]) {
    assert.equal(reduce(EMPTY, event, LIMITS), EMPTY);
  }
});

test("the load on screen is told from others of the same address by the page's own clock", () => {
  const [first, itsPicture] = [page("1", "https://a.example/"), exchange("2", "https://a.example/old.png")];
  clock += 60_000;
  const [redirect, second, newPicture] = [page("3", "https://a.example/go"), page("3", "https://a.example/"), exchange("4", "https://a.example/new.png")];
  const limits = { ...LIMITS, tabExchanges: 50 };
  const state = [...answered(first, 1), ...answered(itsPicture, 1), { type: "began", exchange: redirect },
    { type: "redirected", id: "3", url: redirect.url, facts: { status: 301, redirectTo: second.url }, at: clock }, ...answered(second, 1), ...answered(newPicture, 1)]
    .reduce((buffer, event) => reduce(buffer, event, limits), EMPTY);
  const now = loadOf(state, 1, { url: "https://a.example/#part", timeOrigin: redirect.startedAt });
  assert.deepEqual(now.exchanges.map(({ url }) => url), [redirect.url, second.url, newPicture.url]);
  const then = loadOf(state, 1, { url: "https://a.example/", timeOrigin: first.startedAt });
  assert.deepEqual([then.document.id, then.exchanges.map(({ url }) => url)], ["1", [first.url, itsPicture.url]]);
  assert.deepEqual(loadOf(state, 1, { url: "https://a.example/", timeOrigin: first.startedAt + 30_000 }), { document: null, exchanges: [] });
});

test("a download or an empty answer leaves the page on screen where it was", () => {
  const document = page("1", "https://a.example/");
  const download = page("2", "https://a.example/file.zip");
  const later = exchange("3", "https://a.example/later.json");
  const state = after([...answered(document, 1), ...answered(download, 1),
    { type: "answered", id: "2", url: download.url, facts: { responseHeaders: [["Content-Disposition", "attachment; filename=x"]] }, at: clock }, ...answered(later, 1)]);
  assert.deepEqual(loadOf(state, 1, { url: document.url, timeOrigin: document.startedAt }).exchanges.map(({ id }) => id), ["1", "2", "3"]);
});

test("posts that are never answered do not fill the memory: what they sent is given up, oldest first, and says so", () => {
  const posts = Array.from({ length: 5 }, (_one, index) => exchange(`p${index}`, `https://a.example/p${index}`, { method: "POST", requestBody: { bytes: new Uint8Array(40), note: "" } }));
  const full = after(posts.map((one) => ({ type: "began", exchange: one })));
  assert.ok(keptBytes(full, 1) <= LIMITS.tabBytes, `${keptBytes(full, 1)} bytes`);
  assert.deepEqual(full.exchanges.map(({ requestBody }) => requestBody.bytes.length), [0, 0, 0, 40, 40]);
  assert.match(full.exchanges[0].requestBody.note, /^evicted from the buffer/);
  const late = after(answered(posts[0], 10).slice(1), full);
  assert.deepEqual([bodyOf(late, posts[0].url).state, bodyOf(late, posts[0].url).sizeBytes], ["complete", 10], "its answer may still come");
  const everywhere = [1, 2, 3].reduce((state, tabId) => after(posts.slice(0, 2).map((one) => ({ type: "began", exchange: { ...one, tabId, key: `${one.key} ${tabId}` } })), state), EMPTY);
  assert.ok(keptBytes(everywhere) <= LIMITS.totalBytes);
});

test("a body in very many small pieces is a short list, byte for byte, and what was read before stays as it was", () => {
  const one = exchange("1", "https://a.example/1");
  let state = reduce(EMPTY, { type: "began", exchange: one });
  let early = null;
  for (let at = 0; at < 5000; at += 1) {
    state = reduce(state, { type: "data", key: one.key, bytes: Uint8Array.of(at % 251), at });
    if (at === 99) early = bodyOf(state, one.url);
  }
  const { chunks, sizeBytes } = bodyOf(state, one.url);
  assert.ok(chunks.length <= 20, `${chunks.length} pieces`);
  assert.equal(sizeBytes, 5000);
  assert.deepEqual(chunks.flatMap((chunk) => [...chunk]), Array.from({ length: 5000 }, (_one, at) => at % 251));
  assert.equal(early.chunks.reduce((sum, chunk) => sum + chunk.length, 0), 100);
});
