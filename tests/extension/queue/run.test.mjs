import assert from "node:assert/strict";
import { test } from "node:test";
import { runCapture } from "../../../extension/queue/run.js";
import { formLockName, Runs, runKey } from "../../../extension/queue/runs.js";
import { parseEnvelope } from "../../../extension/seal/dsse.js";
import { sha256Hex } from "../../../extension/seal/hashing.js";
import { FACTS, Locks, makeBench } from "./bench.mjs";

const TAB = { id: 7, url: "https://page.test/a", title: "A", windowId: 1 };

class Area {
  kept = new Map();
  phases = [];
  async get(key) {
    return this.kept.has(key) ? { [key]: structuredClone(this.kept.get(key)) } : {};
  }
  async set(items) {
    for (const [key, value] of Object.entries(items)) {
      this.kept.set(key, structuredClone(value));
      if (key === runKey(TAB.id)) this.phases.push(value.phase);
    }
  }
  async remove(key) {
    this.kept.delete(key);
  }
}

/** A browser that records the order of what is asked of it. */
async function makeTools(change = {}) {
  const bench = await makeBench();
  const order = [];
  const area = new Area();
  const blob = (text) => new Blob([text]);
  const { viewport, ...page } = FACTS.page;
  const tools = {
    store: bench.store, runs: new Runs(area), locks: new Locks(), now: () => new Date(),
    takeViewportShot: async () => (order.push("shot"), { png: blob("png"), facts: { ...page, ...viewport, shotBy: "captureVisibleTab" } }),
    captureAsSeen: async (_tab, options) => {
      order.push("collect");
      options.onProgress("resources", 1, 3);
      const { signature } = await options.signPageDigest("sha256:00");
      assert.equal(signature.length, 128);
      return {
        artifacts: [{ role: "screenshot.viewport", name: "screenshot.viewport.png", mediaType: "image/png", blob: options.viewport.png },
          { role: "page.wacz", name: "page.wacz", mediaType: "application/wacz+zip", blob: blob("wacz") }],
        page: { ...page, ...viewport }, method: "chrome.debugger", pageinfo: FACTS.pageinfo, secrets: FACTS.secrets, notes: [], workFolder: "w",
      };
    },
    discardWorkFolder: async (folder) => order.push(`discard ${folder}`),
    fetchChallenge: async () => (order.push("challenge"), null),
    readBuild: async () => FACTS.extension,
    readDefaultCase: async () => "default",
    ...change,
  };
  return { bench, tools, order, area };
}

async function statementOf(bench) {
  const [item] = await bench.store.listItems();
  return JSON.parse(new TextDecoder().decode(parseEnvelope(item.envelope).payload)).predicate;
}

test("the shot comes first, the challenge beside it, and the capture ends in the queue with its bytes", async () => {
  const { bench, tools, order, area } = await makeTools();
  const run = await runCapture({ tab: TAB }, tools);
  assert.deepEqual(order, ["shot", "challenge", "collect", "discard w"]);
  assert.equal(run.phase, "queued");
  assert.deepEqual([...new Set(area.phases)], ["shot", "collecting", "waiting", "sealing", "queued"]);
  const [item] = await bench.store.listItems();
  assert.equal(item.captureId, run.captureId);
  assert.equal(item.captureId, sha256Hex(parseEnvelope(item.envelope).payload));
  for (const { sha256 } of item.artifacts) assert.equal(sha256Hex(new Uint8Array(await (await bench.store.readPayload(item.captureId, sha256)).arrayBuffer())), sha256);
  assert.equal((await statementOf(bench)).case, "default");
});

test("the shot does not wait for the database to open", async () => {
  const { bench, tools, order } = await makeTools();
  let open;
  tools.store = new Promise((resolve) => (open = () => resolve(bench.store)));
  const running = runCapture({ tab: TAB }, tools);
  while (!order.includes("shot")) await new Promise((go) => setTimeout(go, 1));
  open();
  assert.equal((await running).phase, "queued");
});

test("a challenge that never comes in time delays no shot and no collection", async () => {
  let give;
  const { bench, tools, order } = await makeTools({ fetchChallenge: () => new Promise((resolve) => (give = resolve)) });
  const running = runCapture({ tab: TAB }, tools);
  while (!order.includes("collect")) await new Promise((go) => setTimeout(go, 1));
  give(null);
  await running;
  assert.equal((await statementOf(bench)).nonce, null);
});

test("sealing waits while the person types, and takes what was typed", async () => {
  const { bench, tools } = await makeTools();
  const draft = { case: "C-1", note: "hal", labels: "b, a,b", discarded: false };
  const collect = tools.captureAsSeen;
  let runId = "";
  tools.captureAsSeen = async (tab, options) => {
    ({ runId } = await tools.runs.read(TAB.id));
    await tools.runs.saveDraft(runId, { ...draft, typingUntil: Date.now() + 60_000 });
    return collect(tab, options);
  };
  const running = runCapture({ tab: TAB }, tools);
  const { readDraft } = tools.runs;
  let looks = 0; // at what is typed, while it waits
  tools.runs.readDraft = async (...asked) => ((looks += 1), readDraft.apply(tools.runs, asked));
  while ((await tools.runs.read(TAB.id))?.phase !== "waiting" || looks < 3) await new Promise((go) => setTimeout(go, 1));
  assert.equal((await bench.store.listItems()).length, 0, "still typing");
  await tools.runs.saveDraft(runId, { ...draft, note: "half a sentence", typingUntil: 0 });
  await running;
  const { case: caseName, note, labels } = await statementOf(bench);
  assert.deepEqual([caseName, note, labels], ["C-1", "half a sentence", ["b", "a"]]);
  assert.equal(await tools.runs.readDraft(runId), undefined, "nothing of the form is left behind");
});

test("a form that stands open is waited for though its page is too starved to say so, until it closes or hangs", async () => {
  for (const end of ["it closes", "it hangs"]) {
    const { tools } = await makeTools();
    const at = { now: 1_000_000 };
    tools.now = () => new Date(at.now);
    let close;
    void tools.locks.request(formLockName(TAB.id), {}, () => new Promise((resolve) => { close = resolve; }));
    const { readDraft } = tools.runs;
    let looks = 0;
    tools.runs.readDraft = async (...asked) => ((looks += 1), readDraft.apply(tools.runs, asked));
    const running = runCapture({ tab: TAB, draft: { case: "", note: "", labels: "", typingUntil: at.now + 6_000, discarded: false } }, tools);
    const looked = async (times) => { for (const from = looks; looks < from + times;) await new Promise((go) => setTimeout(go, 1)); };
    await looked(2);
    at.now += 60_000; // its last word is long over
    await looked(3);
    assert.equal((await tools.runs.read(TAB.id)).phase, "waiting", end);
    if (end === "it closes") close();
    else at.now += 120_000;
    assert.equal((await running).phase, "queued", end);
  }
});

test("what a person says they are done with is sealed at once, whatever stands open", async () => {
  const { tools } = await makeTools();
  void tools.locks.request(formLockName(TAB.id), {}, () => new Promise(() => {}));
  assert.equal((await runCapture({ tab: TAB, draft: { case: "", note: "", labels: "", typingUntil: 0, discarded: false } }, tools)).phase, "queued");
});

test("what the form held at the click is in the statement", async () => {
  const { bench, tools } = await makeTools();
  await runCapture({ tab: TAB, draft: { case: "C-2", note: "n", labels: "", typingUntil: 0, discarded: false } }, tools);
  assert.equal((await statementOf(bench)).case, "C-2");
});

test("discard before the seal keeps nothing", async () => {
  const { bench, tools, order } = await makeTools();
  const run = await runCapture({ tab: TAB, draft: { case: "", note: "", labels: "", typingUntil: Date.now() + 1e6, discarded: true } }, tools);
  assert.equal(run.phase, "discarded");
  assert.deepEqual(await bench.store.listItems(), []);
  assert.ok(order.includes("discard w"), "the page's files are gone too");
});

test("a second click on a tab that is being captured starts no second capture", async () => {
  const { bench, tools, order } = await makeTools();
  const [first, second] = await Promise.all([runCapture({ tab: TAB }, tools), runCapture({ tab: TAB }, tools)]);
  assert.deepEqual([first.phase, second], ["queued", null]);
  assert.equal(order.filter((step) => step === "shot").length, 1);
  assert.equal((await bench.store.listItems()).length, 1);
});

test("a region asked for while the last one is still being given up is not lost, and one asked for during a capture is", async () => {
  let giveUp;
  const cancelled = Object.assign(new Error("no region was marked"), { code: "region_cancelled" });
  const selecting = [new Promise((_resolve, reject) => { giveUp = () => reject(cancelled); }), Promise.resolve({ kind: "region", box: { x: 0, y: 0, width: 1, height: 1 } })];
  const { tools } = await makeTools({ select: () => selecting.shift() });
  const wish = { tab: TAB, selection: { kind: "region" } };
  const first = runCapture(wish, tools);
  const second = runCapture(wish, tools);
  setTimeout(() => giveUp(), 50);
  assert.equal((await first).phase, "discarded");
  assert.equal((await second).phase, "queued");
  const { tools: busy } = await makeTools({ captureAsSeen: () => new Promise(() => {}) });
  const awake = setInterval(() => {}, 1000); // nothing else keeps this process from ending
  void runCapture({ tab: TAB }, busy);
  assert.equal(await runCapture(wish, busy), null);
  clearInterval(awake);
});

test("a page no extension may see fails with words, and leaves nothing", async () => {
  const { bench, tools } = await makeTools({ takeViewportShot: () => Promise.reject(new Error("Cannot access a chrome:// URL")) });
  const run = await runCapture({ tab: TAB }, tools);
  assert.deepEqual([run.phase, run.error], ["failed", "page_refused"]);
  assert.deepEqual(await bench.store.listItems(), []);
});

test("a full disk is said, not hidden", async () => {
  const { tools } = await makeTools({ captureAsSeen: () => Promise.reject(new DOMException("full", "QuotaExceededError")) });
  assert.equal((await runCapture({ tab: TAB }, tools)).error, "storage_full");
});

test("a fault of the program shows in the popup and is not swallowed", async () => {
  const { tools } = await makeTools({ captureAsSeen: () => Promise.reject(new TypeError("x is not a function")) });
  await assert.rejects(runCapture({ tab: TAB }, tools), TypeError);
  assert.deepEqual([(await tools.runs.read(TAB.id)).phase, (await tools.runs.read(TAB.id)).error], ["failed", "internal"]);
});

test("a full session storage shows nothing and loses no capture", async () => {
  const full = new Area();
  full.set = async () => {
    throw new Error("Session storage quota bytes exceeded. Values were not stored.");
  };
  const { tools, bench } = await makeTools({ runs: new Runs(full) });
  const run = await runCapture({ tab: TAB }, tools);
  assert.equal(run.phase, "queued");
  assert.equal((await bench.store.listItems()).length, 1);
});

test("a picture to mark on that cannot be made, or finds no room, is said to be none: nobody waits for it", async () => {
  const { tools, area } = await makeTools({ makePreview: () => Promise.reject(new Error("the shot cannot be decoded")) });
  const told = [];
  const { set } = area;
  area.set = async (items) => (told.push(...Object.entries(items).filter(([key]) => key.startsWith("preview:"))), set.call(area, items));
  const run = await runCapture({ tab: TAB }, tools);
  assert.deepEqual([run.phase, told], ["queued", [[`preview:${run.runId}`, null]]]);
  const small = new Area();
  const { set: kept } = small;
  small.set = async (items) => {
    if (JSON.stringify(items).length > 100) throw new Error("Session storage quota bytes exceeded. Values were not stored.");
    return kept.call(small, items);
  };
  const runs = new Runs(small);
  assert.equal(await runs.readPreview("r"), undefined);
  await runs.savePreview("r", { dataUrl: "x".repeat(1000), width: 1, height: 1 });
  assert.equal(await runs.readPreview("r"), null);
});

test("of ended runs only the last few stay", async () => {
  const area = new Area();
  for (let tabId = 1; tabId <= 9; tabId += 1) await new Runs(area).save({ tabId, phase: "queued" });
  assert.deepEqual([...area.kept.keys()].filter((key) => key.startsWith("run:")), ["run:5", "run:6", "run:7", "run:8", "run:9"]);
});

test("a recording is let go only when its capture is in the queue, or the person discarded it; a full disk gives it back", async () => {
  const told = [];
  const { bench, tools, order } = await makeTools();
  const collect = tools.captureAsSeen;
  tools.captureAsSeen = async (tab, options) => ({ ...await collect(tab, options), release: async (isKept) => told.push([isKept, (await bench.store.listItems()).length]) });
  const { addItem } = bench.store;
  bench.store.addItem = () => Promise.reject(new DOMException("full", "QuotaExceededError"));
  const run = await runCapture({ tab: TAB }, tools);
  assert.deepEqual([run.phase, run.error, told], ["failed", "storage_full", [[false, 0]]]);
  assert.equal(order.at(-1), "discard w", "its own files make room for another try");
  bench.store.addItem = addItem;
  assert.equal((await runCapture({ tab: TAB }, tools)).phase, "queued");
  assert.deepEqual(told, [[false, 0], [true, 1]]);
});
