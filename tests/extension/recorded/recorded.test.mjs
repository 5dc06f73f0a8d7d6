import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordedBodies, readBody } from "../../../extension/capture/recorded/bodies.js";
import { isWhole, wayOf } from "../../../extension/capture/recorded/held.js";
import { NetworkLog } from "../../../extension/capture/recorded/network.js";

/** A folder of the private file system, in memory: a file shows what was written when its writer closed it. */
class Folder {
  files = new Map();
  async getFileHandle(name, { create = false } = {}) {
    if (!this.files.has(name) && !create) throw new DOMException(name, "NotFoundError");
    if (!this.files.has(name)) this.files.set(name, new Blob([]));
    return {
      getFile: async () => this.files.get(name),
      createWritable: async () => {
        const parts = [];
        return { write: async (data) => void parts.push(typeof data === "string" ? data : data.slice()), close: async () => void this.files.set(name, new Blob(parts)) };
      },
    };
  }
  async removeEntry(name) {
    this.files.delete(name);
  }
}

const bytes = (size, value = 7) => new Uint8Array(size).fill(value);

test("a body comes back as it was, in parts or empty", async () => {
  const folder = new Folder();
  const bodies = new RecordedBodies(folder);
  for (let value = 0; value < 5; value += 1) assert.equal(bodies.append("a", bytes(700_000, value), "other"), true);
  assert.equal(await bodies.close("a"), 3_500_000);
  const back = new Uint8Array(await (await readBody(folder, "a")).arrayBuffer());
  assert.deepEqual([back.length, back[0], back[700_000], back[3_499_999]], [3_500_000, 0, 1, 4]);
  assert.ok(folder.files.size > 1);
  assert.equal(await bodies.close("empty"), 0);
  assert.equal((await readBody(folder, "empty")).size, 0);
  assert.equal(await readBody(folder, "never"), null);
});

test("however many bodies come at once, the disk is written to through few buffers", async () => {
  const folder = new Folder();
  const buffers = new Set();
  const { getFileHandle } = folder;
  folder.getFileHandle = async (...asked) => {
    const handle = await getFileHandle.apply(folder, asked);
    const createWritable = async () => {
      const { write, close } = await handle.createWritable();
      return { close, write: async (data) => {
        buffers.add(data.buffer);
        await new Promise((resolve) => { setTimeout(resolve, 1); });
        return write(data);
      } };
    };
    return { ...handle, createWritable };
  };
  const bodies = new RecordedBodies(folder);
  for (let value = 0; value < 20; value += 1) for (let times = 0; times < 2; times += 1) bodies.append(`body-${value}`, bytes(1_200_000, value), "media");
  for (let value = 0; value < 20; value += 1) assert.equal(await bodies.close(`body-${value}`), 2_400_000);
  for (let value = 0; value < 20; value += 1) {
    const back = new Uint8Array(await (await readBody(folder, `body-${value}`)).arrayBuffer());
    assert.ok(back.every((byte) => byte === value));
  }
  assert.equal(bodies.pendingBytes, 0);
  assert.ok(buffers.size <= 6, `${buffers.size} buffers`);
});

test("what goes over the limit is refused and given up, media count apart", async () => {
  const folder = new Folder();
  const bodies = new RecordedBodies(folder, { media: 2_000_000, other: 1_000_000 });
  assert.equal(bodies.append("a", bytes(900_000), "other"), true);
  assert.equal(bodies.append("b", bytes(200_000), "other"), false);
  await bodies.drop("b");
  assert.equal(bodies.append("film", bytes(1_900_000), "media"), true);
  assert.equal(bodies.hasRoom("media", 200_000), false);
  await bodies.drop("film");
  assert.equal(bodies.hasRoom("media", 2_000_000), true);
  assert.equal(await readBody(folder, "film"), null);
  assert.equal(await bodies.close("a"), 900_000);
});

const exchange = (change) => ({ method: "GET", type: "Fetch", status: 200, mime: "application/json", responseHeaders: [], ...change });

test("an answer is let pass when it has no end, no body, no room or another place to go", () => {
  const way = (change, room = true) => wayOf(exchange(change), () => room).way;
  assert.equal(way({}), "stream");
  assert.equal(way({ type: "Document" }), "hold");
  assert.equal(way({ method: "HEAD" }), "none");
  assert.equal(way({ status: 204 }), "none");
  assert.equal(way({ mime: "text/event-stream" }), "omit");
  assert.equal(way({ status: 302, responseHeaders: [["Location", "/x"]] }), "omit");
  assert.equal(way({ type: "Document", responseHeaders: [["Content-Disposition", "attachment; filename=a"]] }), "omit");
  assert.equal(way({ type: "Document", responseHeaders: [["content-length", String(64 << 20)]] }), "omit");
  assert.equal(way({}, false), "omit");
});

test("a body is whole only when its announced length is known to count it", () => {
  assert.equal(isWhole(exchange({ responseHeaders: [["Content-Length", "10"]] }), 10), true);
  assert.equal(isWhole(exchange({ responseHeaders: [["Content-Length", "10"]] }), 9), false);
  assert.equal(isWhole(exchange({ responseHeaders: [["Content-Length", "10"], ["Content-Encoding", "br"]] }), 10), false);
  assert.equal(isWhole(exchange({}), 10), false);
});

test("raw heads find their hop, whichever comes first, and a hold does not take their cookies away", () => {
  const log = new NetworkLog();
  const raw = (status, lines) => ({ requestId: "1", headersText: `HTTP/1.1 ${status} X\r\n${lines}\r\n\r\n`, headers: {} });
  const request = { requestId: "1", request: { url: "http://a.test/1#x", method: "GET", headers: {} }, wallTime: 5, type: "Image" };
  const redirectResponse = { status: 302, statusText: "X", headers: {}, mimeType: "", protocol: "http/1.1", responseTime: 6000 };
  log.handle("Network.responseReceivedExtraInfo", raw(302, "Location: /2\r\nSet-Cookie: a=1"), null);
  log.handle("Network.requestWillBeSent", request, null);
  log.handle("Network.requestWillBeSent", { ...request, request: { ...request.request, url: "http://a.test/2" }, redirectResponse, redirectHasExtraInfo: true }, null);
  log.handle("Network.responseReceivedExtraInfo", raw(200, "X-Twice: one\r\nX-Twice: two\r\nSet-Cookie: b=2"), null);
  log.adopt({ requestId: "p", networkId: "1", responseStatusCode: 200, responseHeaders: [{ name: "X-Twice", value: "one" }], request: request.request }, null);
  log.handle("Network.responseReceived", { requestId: "1", type: "Image", hasExtraInfo: true, response: { status: 200, statusText: "X", headers: { "X-Twice": "one" }, mimeType: "", protocol: "http/1.1" } }, null);
  const [first, second] = log.exchanges;
  assert.deepEqual([first.url, first.redirectTo, first.status, first.respondedAt], ["http://a.test/1", "http://a.test/2", 302, 6000]);
  assert.deepEqual(first.responseHeaders.at(-1), ["Set-Cookie", "a=1"]);
  assert.deepEqual(second.responseHeaders, [["X-Twice", "one"], ["X-Twice", "two"], ["Set-Cookie", "b=2"]]);
  assert.equal(log.takeChanged().length, 2);
  assert.equal(log.takeChanged().length, 0);
});

/** A redirect /r → /p2 whose first hop asked nobody, with the events in the given order. */
function throughCache(order, { status = 301 } = {}) {
  const log = new NetworkLog();
  const request = { requestId: "1", request: { url: "http://a.test/r", method: "GET", headers: {} }, wallTime: 5, type: "Document" };
  const events = {
    first: ["requestWillBeSent", request],
    second: ["requestWillBeSent", { ...request, request: { ...request.request, url: "http://a.test/p2" }, redirectHasExtraInfo: false,
      redirectResponse: { status, statusText: "Moved", headers: { Location: "/p2", "X-Of": "redirect" }, mimeType: "", protocol: "http/1.1", fromDiskCache: true } }],
    asked: ["requestWillBeSentExtraInfo", { requestId: "1", headers: { Cookie: "session=of-p2" } }],
    came: ["responseReceivedExtraInfo", { requestId: "1", headers: {}, headersText: "HTTP/1.1 200 OK\r\nX-Of: final\r\nSet-Cookie: zz=1\r\n\r\n" }],
    answered: ["responseReceived", { requestId: "1", type: "Document", hasExtraInfo: true, response: { status: 200, statusText: "OK", headers: { "X-Of": "final" }, mimeType: "text/html", protocol: "http/1.1" } }],
  };
  for (const name of order) log.handle(`Network.${events[name][0]}`, events[name][1], null);
  return log;
}

test("the head and the cookies of a page are never given to the cached redirect, or the upgrade to https, that led to it", () => {
  for (const order of [["first", "second", "asked", "came", "answered"], ["first", "asked", "second", "came", "answered"], ["first", "asked", "came", "second", "answered"],
    ["first", "second", "answered", "asked", "came"]]) {
    for (const status of [301, 307]) {
      const [redirect, page] = throughCache(order, { status }).exchanges;
      assert.deepEqual([redirect.statusLine, redirect.responseHeaders, redirect.requestHeaders], [`HTTP/1.1 ${status} Moved`, [["Location", "/p2"], ["X-Of", "redirect"]], []]);
      assert.deepEqual([page.statusLine, page.responseHeaders, page.requestHeaders], ["HTTP/1.1 200 OK", [["X-Of", "final"], ["Set-Cookie", "zz=1"]], [["Cookie", "session=of-p2"]]]);
    }
  }
});

test("a request that failed, or that was not answered before the end, keeps the head that was sent", () => {
  const failed = throughCache(["first", "asked"]);
  assert.deepEqual(failed.last("1").requestHeaders, []);
  failed.handle("Network.loadingFailed", { requestId: "1", errorText: "net::ERR_TIMED_OUT" }, null);
  assert.deepEqual(failed.last("1").requestHeaders, [["Cookie", "session=of-p2"]]);
  const cut = throughCache(["first", "asked", "second"]);
  cut.end();
  assert.deepEqual(cut.exchanges.map(({ requestHeaders }) => requestHeaders), [[], [["Cookie", "session=of-p2"]]]);
});

/** A request that is tried again with a login, after a redirect that may have been tried twice too. */
function withLogin(order, { status = 200 } = {}) {
  const log = new NetworkLog();
  const request = { requestId: "1", request: { url: "http://a.test/go", method: "GET", headers: {} }, wallTime: 5, type: "Document" };
  const head = (code, of) => ["responseReceivedExtraInfo", { requestId: "1", statusCode: code, headers: {}, headersText: `HTTP/1.1 ${code} X\r\nX-Of: ${of}\r\nSet-Cookie: c=${of}\r\n\r\n` }];
  const sent = (of) => ["requestWillBeSentExtraInfo", { requestId: "1", headers: { "X-Sent": of } }];
  const events = {
    first: ["requestWillBeSent", request], sentGo: sent("go"), sentGoAgain: sent("go with login"), refusedGo: head(407, "proxy"), cameGo: head(302, "redirect"),
    second: ["requestWillBeSent", { ...request, request: { ...request.request, url: "http://a.test/private" }, redirectHasExtraInfo: true,
      redirectResponse: { status: 302, statusText: "X", headers: {}, mimeType: "", protocol: "http/1.1" } }],
    sentPage: sent("page"), sentPageAgain: sent("page with login"), refused: head(401, "refusal"), refusedAgain: head(401, "second refusal"), came: head(200, "page"),
    answered: ["responseReceived", { requestId: "1", type: "Document", hasExtraInfo: true, response: { status, statusText: "X", headers: {}, mimeType: "text/html", protocol: "http/1.1" } }],
  };
  for (const name of order) log.handle(`Network.${events[name][0]}`, events[name][1], null);
  log.end();
  return log.exchanges.map(({ statusLine, requestHeaders, responseHeaders }) => [statusLine, requestHeaders[0]?.[1], responseHeaders.map(([, value]) => value).join()]);
}

test("of a request that was tried again with a login, the answer has its own head and cookies, not those of the refusal", () => {
  const redirect = ["HTTP/1.1 302 X", "go", "redirect,c=redirect"];
  const page = ["HTTP/1.1 200 X", "page with login", "page,c=page"];
  const beginning = ["first", "sentGo", "cameGo", "second"];
  for (const rest of [["sentPage", "refused", "sentPageAgain", "came", "answered"], ["sentPage", "refused", "sentPageAgain", "answered", "came"], ["answered", "sentPage", "sentPageAgain", "refused", "came"]]) {
    assert.deepEqual(withLogin([...beginning, ...rest]), [redirect, page], rest.join());
  }
  assert.deepEqual(withLogin(["first", "sentGo", "refusedGo", "sentGoAgain", "cameGo", "second", "sentPage", "refused", "sentPageAgain", "came", "answered"]),
    [["HTTP/1.1 302 X", "go with login", "redirect,c=redirect"], page], "a proxy's refusal before the redirect");
  assert.deepEqual(withLogin([...beginning, "sentPage", "refused", "came", "answered"]), [redirect, ["HTTP/1.1 200 X", "page", "page,c=page"]], "one head of what was sent, as Chromium tells it");
  assert.deepEqual(withLogin([...beginning, "sentPage", "refused", "sentPageAgain", "refusedAgain", "answered"], { status: 401 }),
    [redirect, ["HTTP/1.1 401 X", "page with login", "second refusal,c=second refusal"]], "the last refusal is the answer");
});
