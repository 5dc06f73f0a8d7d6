import assert from "node:assert/strict";
import { test } from "node:test";
import { isListed, parsePatterns } from "../../../extension/auto/patterns.js";
import { MAX_PER_HOUR, onLoaded, onShown, readLimits } from "../../../extension/auto/watch.js";
import { Locks } from "../queue/bench.mjs";

class Area {
  kept = {};
  async get(key) {
    return key in this.kept ? { [key]: structuredClone(this.kept[key]) } : {};
  }
  async set(items) {
    Object.assign(this.kept, structuredClone(items));
  }
}

function makeTools({ auto = { isOn: true, patterns: "a.test", intervalMin: 10 }, tab = {} } = {}) {
  const captured = [];
  const local = new Area();
  if (auto) local.kept.auto = auto;
  const state = { at: 1_000_000, tab: { active: true, incognito: false, url: "https://a.test/1", ...tab }, isShutOut: false };
  const tools = { local, session: new Area(), locks: new Locks(), now: () => state.at, readTab: async () => state.tab, pause: async () => {}, isShutOut: async () => state.isShutOut,
    capture: async (tabId) => (captured.push(tabId), "done") };
  return { tools, captured, state };
}

const LISTED = [
  ["a.test", "https://a.test/x", true], ["a.test", "http://a.test:8080/", true], ["a.test", "https://b.a.test/", false], ["a.test", "https://a.test.evil.test/", false],
  ["a.test", "https://evila.test/", false], ["*.a.test", "https://b.c.a.test/", true], ["*.a.test", "https://a.test/", true], ["*.a.test", "https://evila.test/", false],
  ["a.test/news", "https://a.test/news/1", true], ["a.test/news", "https://a.test/old", false], ["a.test/news/*", "https://a.test/news/1", true],
  ["A.Test", "https://a.test/", true], ["https://a.test/", "https://a.test/x", true], ["a.test:8443", "https://a.test:8443/", true], ["a.test:8443", "https://a.test/", false],
  ["țară.test", "https://xn--ar-8ia29b.test/", null], ["a.test", "file:///a.test", false], ["a.test", "javascript:a.test", false], ["a.test", "", false],
];
test("patterns: the host as a whole, its subdomains only with *., paths by their beginning", () => {
  for (const [pattern, url, expected] of LISTED) {
    const { patterns, errors } = parsePatterns(pattern);
    assert.deepEqual(errors, [], pattern);
    if (expected !== null) assert.equal(isListed(patterns, url), expected, `${pattern} ${url}`);
  }
  assert.equal(isListed(parsePatterns("țară.test").patterns, new URL("https://țară.test/").href), true);
});

test("everything at once is no list", () => {
  const { patterns, errors } = parsePatterns("*\n*.*\n# a remark\n\nhttp://\na..test\n-a.test\na.test\n<all_urls>");
  assert.deepEqual(patterns.map(({ host }) => host), ["a.test"]);
  assert.deepEqual(errors.map(({ line }) => line), [1, 2, 5, 6, 7, 9]);
});

test("off unless turned on; only listed sites; never a private window", async () => {
  for (const change of [{ auto: null }, { auto: { isOn: false, patterns: "a.test", intervalMin: 10 } }, { auto: { isOn: true, patterns: "b.test", intervalMin: 10 } }, { tab: { incognito: true } }]) {
    const { tools, captured } = makeTools(change);
    assert.equal(await onLoaded({ tabId: 1, url: "https://a.test/1" }, tools), false);
    assert.deepEqual([captured, tools.local.kept.autoSeen], [[], undefined]);
  }
});

test("nothing is captured by itself while the service takes nothing from this browser, and it goes on when it does", async () => {
  const { tools, captured, state } = makeTools();
  state.isShutOut = true;
  assert.equal(await onLoaded({ tabId: 1, url: "https://a.test/1" }, tools), false);
  assert.deepEqual([captured, tools.local.kept.autoSeen], [[], undefined]);
  state.isShutOut = false;
  assert.equal(await onLoaded({ tabId: 1, url: "https://a.test/1" }, tools), true);
});

test("the same address once, however often it is reported, until the interval is over", async () => {
  const { tools, captured, state } = makeTools();
  const loaded = { tabId: 1, url: "https://a.test/1" };
  await Promise.all([onLoaded(loaded, tools), onLoaded(loaded, tools), onLoaded(loaded, tools)]);
  assert.equal(captured.length, 1);
  state.at += 10 * 60_000 - 1;
  await onLoaded(loaded, tools);
  assert.equal(captured.length, 1);
  state.at += 1;
  await onLoaded(loaded, tools);
  assert.equal(captured.length, 2);
});

test("what is remembered of an address is a hash", async () => {
  const { tools } = makeTools();
  await onLoaded({ tabId: 1, url: "https://a.test/1" }, tools);
  assert.equal(JSON.stringify(tools.local.kept.autoSeen).includes("a.test"), false);
});

test("a page loaded behind others is captured when the person looks at it, once, and not when it has moved on", async () => {
  const { tools, captured, state } = makeTools({ tab: { active: false } });
  await onLoaded({ tabId: 1, url: "https://a.test/1" }, tools);
  assert.equal(captured.length, 0);
  state.tab.active = true;
  assert.equal(await onShown(1, tools), true);
  assert.equal(await onShown(1, tools), false);
  assert.equal(captured.length, 1);
  state.tab = { active: false, incognito: false, url: "https://a.test/2" };
  await onLoaded({ tabId: 1, url: "https://a.test/2" }, tools);
  state.tab = { active: true, incognito: false, url: "https://a.test/3" };
  assert.equal(await onShown(1, tools), false);
});

test("an address whose tab was being captured is captured as soon as it is free, and one that failed when it is loaded again", async () => {
  const { tools, captured, state } = makeTools();
  const loaded = { tabId: 1, url: "https://a.test/1" };
  const outcomes = ["busy", "busy", "failed", "done"];
  tools.capture = async (tabId) => (captured.push(tabId), outcomes.shift());
  assert.equal(await onLoaded(loaded, tools), false);
  assert.deepEqual(outcomes, ["done"], "tried until the tab was free; what failed is not tried at once again");
  state.at += 1000;
  assert.equal(await onLoaded(loaded, tools), true);
  assert.equal(await onLoaded(loaded, tools), false);
  tools.capture = async () => "busy";
  const moved = { tabId: 1, url: "https://a.test/2" };
  state.tab.url = moved.url;
  tools.pause = async () => void (state.tab.url = "https://a.test/3");
  assert.equal(await onLoaded(moved, tools), false, "the tab has gone on");
  assert.equal(tools.local.kept.autoBegun["a.test"].length, 2, "no time in the hour is lost by waiting");
});

test("a page that changes its address without end is captured a limited number of times an hour, its subdomains with it", async () => {
  const { tools, captured, state } = makeTools({ auto: { isOn: true, patterns: "*.a.test\nb.test", intervalMin: 10 } });
  const visit = async (url) => {
    state.tab.url = url;
    return onLoaded({ tabId: 1, url }, tools);
  };
  for (let step = 0; step < 3 * MAX_PER_HOUR; step += 1) await visit(`https://${step}.a.test/${step}`);
  assert.equal(captured.length, MAX_PER_HOUR);
  assert.equal(await visit("https://b.test/"), true, "another site has an hour of its own");
  state.at += 3_600_000;
  assert.equal(await visit("https://a.test/later"), true);
});

test("what the hourly limit leaves out is counted and told by site, until a day has gone by", async () => {
  const { tools, state } = makeTools({ auto: { isOn: true, patterns: "*.a.test\nb.test", intervalMin: 10 } });
  const visit = async (url) => {
    state.tab.url = url;
    await onLoaded({ tabId: 1, url }, tools);
  };
  for (let step = 0; step < MAX_PER_HOUR - 1; step += 1) await visit(`https://a.test/${step}`);
  await visit("https://b.test/");
  assert.deepEqual(await readLimits(tools), [], "below the limit there is nothing to say");
  const first = state.at;
  state.at += 60_000;
  await visit("https://a.test/last");
  assert.deepEqual(await readLimits(tools), [{ site: "a.test", until: first + 3_600_000, missed: 0, lastAt: 0 }]);
  state.at += 60_000;
  for (const page of ["over", "further"]) await visit(`https://a.test/${page}`);
  const lastAt = state.at;
  assert.deepEqual(await readLimits(tools), [{ site: "a.test", until: first + 3_600_000, missed: 2, lastAt }]);
  state.at = first + 3_600_000;
  assert.deepEqual(await readLimits(tools), [{ site: "a.test", until: null, missed: 2, lastAt }], "captured again, and still said");
  state.at = lastAt + 24 * 3_600_000;
  assert.deepEqual(await readLimits(tools), []);
  assert.equal(JSON.stringify(tools.local.kept.autoOver).includes("https:"), false, "no address is kept");
});
