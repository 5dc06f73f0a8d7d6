import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { startPassiveBuffer } from "../../../extension/capture/passive.js";
import { KnownResponses } from "../../../extension/capture/responses.js";

const SECOND = 1000;
let stored;
let listeners;
let granted;

const event = (name) => ({ addListener: (listener) => { listeners[name] = listener; } });

beforeEach(() => {
  stored = {};
  granted = true;
  start();
});

/** A worker begins: what the browser keeps for it stays, what it had in memory does not. */
function start() {
  listeners = {};
  const names = ["onBeforeRequest", "onSendHeaders", "onBeforeRedirect", "onResponseStarted", "onErrorOccurred"];
  globalThis.chrome = {
    webRequest: Object.fromEntries(names.map((name) => [name, event(name)])),
    tabs: { onRemoved: event("onRemoved") },
    permissions: { contains: async () => granted },
    storage: { session: { get: async () => structuredClone(stored), set: async (items) => { Object.assign(stored, structuredClone(items)); }, remove: async (key) => { delete stored[key]; } } },
  };
}

const request = (requestId, url, type, more = {}) => ({ requestId, url, type, tabId: 5, frameId: 0, method: "GET", timeStamp: SECOND * Number(requestId), ...more });
const header = (name, value) => ({ name, value });

function load(requestId, url, type, more) {
  const details = request(requestId, url, type, more);
  listeners.onBeforeRequest(details);
  listeners.onSendHeaders({ ...details, requestHeaders: [header("Accept", "*/*")] });
  listeners.onResponseStarted({ ...details, statusLine: "HTTP/1.1 200 OK", statusCode: 200, ip: "192.0.2.7", fromCache: false,
    responseHeaders: [header("Content-Type", "text/css; charset=iso-8859-2"), header("Set-Cookie", "a=1"), header("Set-Cookie", "b=2")] });
}

test("a page's requests begin with its own document; the page before it is not counted", async () => {
  const buffer = startPassiveBuffer();
  load("1", "https://old.example/", "main_frame");
  load("2", "https://old.example/a.css", "stylesheet");
  load("3", "https://a.example/#part", "main_frame");
  load("4", "https://a.example/a.css", "stylesheet");
  const hops = await buffer.requestsOf(5);
  assert.deepEqual(hops.map(({ url }) => url), ["https://a.example/", "https://a.example/a.css"]);
  assert.equal(hops[1].ip, "192.0.2.7");
  assert.equal(hops[1].responseHeaders.filter(([name]) => name === "Set-Cookie").length, 2);
});

test("a redirect is followed to the answer, each hop with its own headers", async () => {
  const buffer = startPassiveBuffer();
  load("1", "https://a.example/", "main_frame");
  const first = request("2", "https://a.example/short.css", "stylesheet");
  listeners.onBeforeRequest(first);
  listeners.onBeforeRedirect({ ...first, redirectUrl: "https://b.example/long.css", statusLine: "HTTP/1.1 302 Found", statusCode: 302, responseHeaders: [header("Location", "https://b.example/long.css")] });
  load("2", "https://b.example/long.css", "stylesheet");
  const responses = await KnownResponses.of(buffer, 5, "https://a.example/");
  const known = responses.find("https://a.example/short.css", "Stylesheet");
  assert.equal(known.final.url, "https://b.example/long.css");
  assert.deepEqual(known.redirects.map(({ status }) => status), [302]);
  assert.equal(responses.charsetOf("https://a.example/short.css", "Stylesheet"), "iso-8859-2");
  assert.equal(responses.find("https://a.example/short.css", "Image"), null);
});

test("a later request for the document's address is seen, from any tab", async () => {
  const buffer = startPassiveBuffer();
  load("1", "https://a.example/", "main_frame");
  load("2", "https://a.example/", "main_frame", { tabId: 9 });
  const [document] = await buffer.requestsOf(5);
  assert.equal((await buffer.laterRequests("https://a.example/", document)).length, 1);
});

test("a killed worker does not lose what was seen", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const buffer = startPassiveBuffer();
  await buffer.loaded;
  load("1", "https://a.example/", "main_frame");
  context.mock.timers.tick(SECOND);
  await new Promise(setImmediate);
  start();
  const next = startPassiveBuffer();
  load("2", "https://a.example/a.css", "stylesheet");
  assert.deepEqual((await next.requestsOf(5)).map(({ url }) => url), ["https://a.example/", "https://a.example/a.css"]);
  next.forget(5);
  assert.deepEqual(await next.requestsOf(5), []);
});

test("a header that is too long is named, never cut", async () => {
  const buffer = startPassiveBuffer();
  const details = request("1", "https://a.example/", "main_frame");
  listeners.onBeforeRequest(details);
  listeners.onResponseStarted({ ...details, statusLine: "HTTP/1.1 200 OK", statusCode: 200, responseHeaders: [header("Content-Security-Policy", "x".repeat(40_000))] });
  const [hop] = await buffer.requestsOf(5);
  assert.deepEqual(hop.responseHeaders, [["X-Holdstill-Omitted", "Content-Security-Policy; 40000 characters"]]);
});

test("without a host permission the reason stands where the headers would", async () => {
  const buffer = startPassiveBuffer();
  granted = false;
  const responses = await KnownResponses.of(buffer, 5, "https://a.example/");
  assert.match(responses.absence, /no permission/);
  assert.equal(responses.find("https://a.example/", "Document"), null);
});

test("the buffer of one tab is bounded", async () => {
  const buffer = startPassiveBuffer();
  for (let id = 1; id <= 1300; id += 1) load(String(id), `https://a.example/${id}`, "image");
  assert.equal((await buffer.requestsOf(5)).length, 1000);
});

test("browsing cannot fill the storage the captures share: the oldest tabs go first, an endless address is not kept", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const buffer = startPassiveBuffer();
  await buffer.loaded;
  for (let tabId = 1; tabId <= 10; tabId += 1) {
    for (let id = 0; id < 300; id += 1) load(`${tabId}${id}`, `https://a.example/${"x".repeat(4000)}${id}`, "image", { tabId });
    context.mock.timers.tick(SECOND);
    await new Promise(setImmediate);
  }
  load("99", `https://a.example/${"x".repeat(5000)}`, "image", { tabId: 10 });
  for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
  assert.ok(JSON.stringify(stored).length < (4 << 20) + 1000);
  assert.ok(Object.keys(stored).includes("passive:10") && !Object.keys(stored).includes("passive:1"));
  assert.equal((await buffer.requestsOf(10)).length, 300);
});
