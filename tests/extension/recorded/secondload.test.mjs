// A second load is told as one from the moment the browser was told to make it: a shot of the first page never stands beside the bodies of the second as one load.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { loadAgain, PostGuard } from "../../../extension/capture/secondload.js";

const LIMITS = { load: 300, settle: 20, poll: 5, shot: 50 };
const MAIN = { id: "main" };
let listeners;

beforeEach(() => {
  listeners = new Set();
  globalThis.chrome = { debugger: { onEvent: { addListener: (one) => listeners.add(one), removeListener: (one) => listeners.delete(one) } } };
});

const tell = (method, params = {}) => [...listeners].forEach((listen) => listen({ tabId: 1 }, method, params));

/** A browser whose Page.reload does what is given, and whose commands may fail. */
function load(onReload, { fails = {}, url = "http://a.test/" } = {}) {
  const sent = [];
  const debug = { root: { tabId: 1 }, lost: null, send: async (_target, method) => {
    sent.push(method);
    if (fails[method]) throw new Error(fails[method]);
    if (method === "Page.getFrameTree") return { frameTree: { frame: MAIN } };
    if (method === "Page.getNavigationHistory") return { currentIndex: 0, entries: [{ url }] };
    if (method === "Page.captureScreenshot") return { data: "AAAA" };
    if (method === "Page.reload") onReload(guard);
    return {};
  } };
  const guard = new PostGuard(debug);
  const recorder = { start: async () => {}, isBusy: false, lastEventAt: -10_000 };
  return loadAgain(debug, recorder, guard, LIMITS).then((result) => ({ ...result, sent }));
}

const ask = (guard, method, frameId = "main") => guard.mayLoad({ request: { method }, frameId });
const loaded = (guard) => {
  assert.equal(ask(guard, "GET"), true);
  tell("Page.loadEventFired");
};

test("a frame's form during the second load is not sent, and does not make it the first load again", async () => {
  const { refusal, shot, notes } = await load((guard) => {
    ask(guard, "GET");
    assert.equal(ask(guard, "POST", "child"), false);
    tell("Page.loadEventFired");
  });
  assert.equal(refusal, "");
  assert.ok(shot);
  assert.match(notes.join(), /a frame was about to send a form with POST/);
});

test("a form that the new page sends by itself is not sent, and the page was still loaded a second time", async () => {
  const { refusal, notes } = await load((guard) => {
    loaded(guard);
    assert.equal(ask(guard, "POST"), false);
  });
  assert.equal(refusal, "");
  assert.match(notes.join(), /the new page was about to send a form/);
});

test("a form that the old page sent just before the second load began does not hide that load", async () => {
  const { refusal } = await load((guard) => {
    ask(guard, "POST");
    setTimeout(() => loaded(guard), 8);
  });
  assert.equal(refusal, "");
});

test("a screenshot that fails after the second load leaves it a second load", async () => {
  const { refusal, shot, notes } = await load(loaded, { fails: { "Page.captureScreenshot": "no answer" } });
  assert.deepEqual([refusal, shot, notes], ["", null, ["no shot of the second load: no answer"]]);
  assert.equal(listeners.size, 0);
});

test("a second load that was not seen to begin or to end is said to be in doubt, never as seen", async () => {
  assert.deepEqual((await load(() => {})).notes, ["the browser was not seen to begin the second load"]);
  assert.deepEqual((await load((guard) => ask(guard, "GET"))).notes, ["the second load had not ended after 300 ms"]);
  assert.equal((await load(() => {}, { fails: { "Page.reload": "no answer in 15000 ms" } })).refusal, "");
});

test("a page answered by its service worker, which is never held, was loaded a second time", async () => {
  const { refusal, notes } = await load(() => {
    tell("Page.frameNavigated", { frame: MAIN });
    tell("Page.loadEventFired");
  });
  assert.deepEqual([refusal, notes], ["", []]);
});

test("only before the browser is told, or when the page itself would be asked for by a form, was there no second load", async () => {
  const form = await load((guard) => assert.equal(ask(guard, "POST"), false));
  assert.match(form.refusal, /the page was asked for with POST/);
  const early = await load(loaded, { fails: { "Network.setCacheDisabled": "refused" } });
  assert.deepEqual([early.refusal, early.sent.includes("Page.reload")], ["refused", false]);
  const own = await load(loaded, { url: "chrome://settings/" });
  assert.deepEqual([own.refusal, own.sent.includes("Page.reload")], ["only pages of the web can be loaded again", false]);
});
