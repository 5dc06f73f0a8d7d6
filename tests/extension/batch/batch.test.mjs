import assert from "node:assert/strict";
import { test } from "node:test";
import { IDBFactory, IDBKeyRange } from "fake-indexeddb";
import { begin, command, end, MAX_ATTEMPTS, newBatch, nextStep, recover, refOf } from "../../../extension/batch/reducer.js";
import { resultOf, resultsCsv } from "../../../extension/batch/results.js";
import { commandBatch, runBatches } from "../../../extension/batch/runner.js";
import { openBatches } from "../../../extension/batch/store.js";
import { Locks } from "../queue/bench.mjs";

globalThis.IDBKeyRange ??= IDBKeyRange;
const START = Date.parse("2026-01-02T03:04:05Z");
const PACING = { delayMs: 5000, jitterMs: 2000, hostDelayMs: 9000 };
const FORM = { case: "c", note: "", labels: "" };
const make = (...hosts) => newBatch({ id: "b", now: new Date(START), pacing: PACING, form: FORM, urls: hosts.map((host, at) => ({ url: `https://${host}.test/${at}`, line: at + 1 })) });

/** A browser with a clock of its own: sleeping moves it, captures take no time. */
async function makeWorld({ factory = new IDBFactory(), captured = new Map(), at = { now: START }, capture } = {}) {
  const store = await openBatches(factory);
  const began = [];
  const world = { factory, store, captured, at, began, changes: 0, closed: 0 };
  world.tools = {
    store, locks: new Locks(), now: () => new Date(at.now), random: () => 0.5, onChange: () => (world.changes += 1),
    sleep: async (ms) => (at.now += ms), closeLeftover: async () => (world.closed += 1),
    findCapture: async (ref) => captured.get(ref) ?? null,
    capture: async (entry, batch) => {
      began.push([entry.index, at.now - START]);
      if (capture) return capture(entry, batch, world);
      captured.set(refOf(batch.id, entry.index), `id${entry.index}`);
      return { state: "captured", captureId: `id${entry.index}`, status: 200 };
    },
  };
  return world;
}

test("entries begin one after another: never sooner than the pause, and the same host never sooner than its own", async () => {
  const world = await makeWorld();
  const { batch, entries } = make("a", "a", "b", "b", "a");
  await world.store.add(batch, entries);
  assert.equal(await runBatches(world.tools), true);
  assert.deepEqual(world.began.map(([index]) => index), [0, 2, 1, 3, 4]);
  const times = world.began.map(([, at]) => at);
  for (let at = 1; at < times.length; at += 1) assert.ok(times[at] - times[at - 1] >= PACING.delayMs, `${times}`);
  for (const same of [[0, 2], [2, 4], [1, 3]]) assert.ok(times[same[1]] - times[same[0]] >= PACING.hostDelayMs, `${times}`);
  assert.equal((await world.store.list())[0].state, "finished");
});

test("the pause varies by the jitter and no more", () => {
  const { batch, entries } = make("a");
  assert.deepEqual([0, 0.5, 0.999].map((random) => begin(batch, entries[0], new Date(START), random).batch.nextAt - START), [5000, 6000, 6998]);
});

test("a failure ends its entry only", async () => {
  const world = await makeWorld({ capture: async ({ index }) => (index === 1 ? { state: "failed", reason: "unreachable", detail: "", status: null } : { state: "captured", captureId: `id${index}`, status: 404 }) });
  const { batch, entries } = make("a", "b", "c");
  await world.store.add(batch, entries);
  await runBatches(world.tools);
  assert.deepEqual((await world.store.entries("b")).map(({ state, reason, status }) => [state, reason, status]),
    [["captured", null, 404], ["failed", "unreachable", null], ["captured", null, 404]]);
});

test("a pause is kept: what is under way is finished, the rest waits; going on begins where it was", async () => {
  const world = await makeWorld({ capture: async ({ index }, _batch, { store }) => {
    if (index === 0) await commandBatch({ store, onChange: () => {} }, "b", "pause");
    return { state: "captured", captureId: `id${index}`, status: 200 };
  } });
  const { batch, entries } = make("a", "b");
  await world.store.add(batch, entries);
  await runBatches(world.tools);
  assert.deepEqual((await world.store.entries("b")).map(({ state }) => state), ["captured", "waiting"]);
  await commandBatch({ store: world.store, onChange: () => {} }, "b", "resume");
  await runBatches(world.tools);
  assert.deepEqual(world.began.map(([index]) => index), [0, 1]);
});

test("a stop skips what has not begun and is final", async () => {
  const world = await makeWorld({ capture: async (_entry, _batch, { store }) => {
    await commandBatch({ store, onChange: () => {} }, "b", "stop");
    return { state: "captured", captureId: "id0", status: 200 };
  } });
  const { batch, entries } = make("a", "b", "c");
  await world.store.add(batch, entries);
  await runBatches(world.tools);
  await commandBatch({ store: world.store, onChange: () => {} }, "b", "resume");
  assert.equal(await runBatches(world.tools), true);
  assert.deepEqual((await world.store.entries("b")).map(({ state }) => state), ["captured", "skipped", "skipped"]);
  assert.equal((await world.store.list())[0].state, "stopped");
});

for (const moment of ["before the capture was kept", "after the capture was kept"]) {
  test(`a worker that dies ${moment}: the next one goes on, and nothing is captured twice or lost`, async () => {
    const first = await makeWorld({ capture: async (entry, batch, { captured }) => {
      if (entry.index === 1) {
        if (moment.startsWith("after")) captured.set(refOf(batch.id, 1), "id1");
        throw new Error("the worker is gone");
      }
      return { state: "captured", captureId: `id${entry.index}`, status: 200 };
    } });
    const { batch, entries } = make("a", "b", "c");
    await first.store.add(batch, entries);
    await assert.rejects(runBatches(first.tools));
    const second = await makeWorld({ factory: first.factory, captured: first.captured, at: first.at });
    await runBatches(second.tools);
    assert.deepEqual((await second.store.entries("b")).map(({ state, captureId }) => [state, captureId]), [["captured", "id0"], ["captured", "id1"], ["captured", "id2"]]);
    assert.deepEqual(second.began.map(([index]) => index).sort(), moment.startsWith("after") ? [2] : [1, 2]);
    assert.equal(second.closed, 1, "the tab of the dead worker is closed");
  });
}

test("an address that kills the browser each time is given up", () => {
  let entry = make("a").entries[0];
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    entry = begin(make("a").batch, entry, new Date(START), 0).entry;
    entry = recover(entry, null, new Date(START));
  }
  assert.deepEqual([entry.state, entry.reason], ["failed", "interrupted"]);
});

test("two workers at once: one works", async () => {
  const world = await makeWorld();
  const { batch, entries } = make("a", "b");
  await world.store.add(batch, entries);
  assert.deepEqual((await Promise.all([runBatches(world.tools), runBatches(world.tools)])).sort(), [false, true]);
  assert.equal(world.began.length, 2);
});

test("an event that does not fit changes nothing", () => {
  const { batch, entries } = make("a");
  const done = end(begin(batch, entries[0], new Date(START), 0).entry, { state: "captured", captureId: "x", status: 200 }, new Date(START));
  assert.equal(end(done, { state: "failed", reason: "unreachable", detail: "", status: null }, new Date(START)), done);
  assert.equal(recover(done, null, new Date(START)), done);
  assert.equal(command({ ...batch, state: "stopped" }, "resume").state, "stopped");
  assert.equal(nextStep({ ...batch, state: "paused" }, entries, START), null);
});

test("old batches make room, with their entries", async () => {
  const world = await makeWorld();
  for (let at = 0; at < 25; at += 1) {
    const { batch, entries } = newBatch({ id: `b${at}`, now: new Date(START + at), pacing: PACING, form: FORM, urls: [{ url: "https://a.test/", line: 1 }] });
    await world.store.add(batch, entries);
  }
  assert.equal((await world.store.list()).length, 20);
  assert.deepEqual([(await world.store.entries("b4")).length, (await world.store.entries("b24")).length], [0, 1]);
});

test("the table of results says sealed only of what is sealed, and one row stands for each address", () => {
  const { entries } = make("a", "b", "c");
  const rows = [{ ...entries[0], state: "captured", captureId: "x", status: 200 }, { ...entries[1], state: "captured", captureId: "y", status: 200 },
    { ...entries[2], state: "failed", reason: "unreachable", detail: "=cmd()", url: "https://c.test/?q=%22,x" }];
  const items = new Map([["x", { state: "sealed", reason: null }], ["y", { state: "uploading", reason: "unreachable" }]]);
  assert.deepEqual(rows.map((entry) => resultOf(entry, items.get(entry.captureId)).result), ["sealed", "queued", "failed"]);
  const lines = resultsCsv(rows, items, (code) => code).split("\r\n");
  assert.equal(lines.length, 5);
  assert.ok(lines[3].includes('"failed","batch_reason_unreachable","\'=cmd()"'), lines[3]);
});
