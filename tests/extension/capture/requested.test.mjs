import assert from "node:assert/strict";
import { test } from "node:test";
import { Account, fillAccount } from "../../../extension/capture/requested.js";

const timing = (url, kind) => ({ url, kind, status: 200, sizeBytes: 1, protocol: "h2", endedAt: 0 });
const hop = (url, type, more = {}) => ({ url, type, redirectTo: null, error: null, ...more });

function account() {
  const made = new Account();
  const frame = { url: "https://a.example/", resources: [{ url: "https://a.example/a.png", type: "Image" }, { url: "data:image/gif;base64,AA", type: "Image" }],
    probe: { timing: [timing("https://a.example/", "navigation"), timing("https://a.example/a.png", "img"), timing("https://a.example/api", "fetch"),
      timing("https://a.example/api", "fetch"), timing("https://a.example/a.png", "fetch"), timing("https://a.example/film.mp4", "video")] } };
  fillAccount(made, [frame], [hop("https://a.example/old", "image", { redirectTo: "https://a.example/a.png" }), hop("https://a.example/gone.js", "script", { error: "net::ERR_FAILED" }),
    hop("https://a.example/a.png", "image"), hop("chrome-extension://abc/x.js", "script")], [{ type: "worker", url: "https://a.example/w.js" }, { type: "iframe", url: "https://b.example/" }]);
  return made;
}

test("what was asked for and not captured is omitted, each with a reason, and nothing else", () => {
  const made = account();
  made.capture("https://a.example/", "Document");
  made.capture("https://a.example/a.png#part", "Image");
  const omitted = made.omitted;
  assert.deepEqual(omitted.map(({ url, type, times }) => [url.slice("https://a.example/".length), type, times]), [["a.png", "Fetch", undefined], ["api", "Fetch", 2],
    ["film.mp4", "Media", undefined], ["gone.js", "Script", undefined], ["old", "redirect", undefined], ["w.js", "Worker", undefined]]);
  assert.equal(omitted.every(({ reason }) => reason !== ""), true);
  assert.match(omitted[3].reason, /ERR_FAILED/);
});

test("a body that failed to be read keeps the browser's reason", () => {
  const made = account();
  made.omit("https://a.example/a.png", "Image", "the browser gave no content: not cached");
  assert.equal(made.omitted.find(({ type }) => type === "Image").reason, "the browser gave no content: not cached");
});

test("captured and omitted are together what was requested", () => {
  const made = account();
  made.capture("https://a.example/a.png", "Image");
  assert.equal(made.captured.size + made.omitted.length, made.requested.size);
});
