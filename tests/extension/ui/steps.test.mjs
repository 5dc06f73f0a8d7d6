import assert from "node:assert/strict";
import { test } from "node:test";
import { sentOf, shownState, statusOf, stepsOf } from "../../../extension/ui/steps.js";

const RUN = { runId: "r", tabId: 1, startedAt: "2026", phase: "shot", url: "u", title: "t", step: null, pageinfo: null, captureId: null, error: null };
const SUMMARY = { captured: 1, omitted: 0, failedSteps: [] };
const ITEM = { state: "queued", retryAt: null, committed: null, sealed: null, artifacts: [], missing: [], uploads: {} };
const line = (...given) => stepsOf(...given).map(({ state }) => state[0]).join("");

test("the steps go from the shot to the delivery, one under way at a time", () => {
  assert.equal(line({ ...RUN }), "ntttt");
  assert.equal(line({ ...RUN, phase: "collecting" }), "dnttt");
  assert.equal(line({ ...RUN, phase: "sealing" }), "ddntt");
  const queued = { ...RUN, phase: "queued" };
  assert.equal(line(queued), "dddnt");
  assert.equal(line(queued, { ...ITEM, state: "committing" }), "dddnt");
  assert.equal(line(queued, { ...ITEM, state: "uploading", committed: {} }), "ddddn");
  assert.equal(line(queued, { ...ITEM, state: "sealed", committed: {}, sealed: {} }), "ddddd");
});

test("what only waits is not shown as under way, and what failed is not shown as done", () => {
  const queued = { ...RUN, phase: "queued" };
  assert.equal(line(queued, ITEM), "dddtt");
  assert.equal(line(queued, { ...ITEM, state: "uploading", committed: {}, retryAt: 5 }), "ddddt");
  assert.equal(line(queued, { ...ITEM, state: "failed" }), "dddft");
  assert.equal(line({ ...RUN, phase: "failed", error: "page_refused" }), "ftttt");
  assert.equal(line({ ...RUN, phase: "failed", error: "internal" }), "dfttt");
  assert.equal(line({ ...RUN, phase: "failed", error: "storage_full", pageinfo: SUMMARY }), "ddftt");
  assert.equal(line({ ...RUN, phase: "collecting" }, undefined, true), "dfttt", "a killed worker");
});

test("one line says how it stands", () => {
  const seen = { run: undefined, item: undefined, isStarted: false, isDead: false, isDiscarded: false, fault: null };
  assert.equal(statusOf(seen), "ready");
  assert.equal(statusOf({ ...seen, isStarted: true }), "shot");
  assert.equal(statusOf({ ...seen, isStarted: true, fault: "tab_gone" }), "failed");
  assert.equal(statusOf({ ...seen, run: { ...RUN, phase: "collecting" }, isDiscarded: true }), "discarding");
  assert.equal(statusOf({ ...seen, run: { ...RUN, phase: "collecting" }, isDead: true }), "interrupted");
  assert.equal(statusOf({ ...seen, run: { ...RUN, phase: "queued" }, isDiscarded: true }), "queued", "too late to discard");
  assert.equal(statusOf({ ...seen, run: { ...RUN, phase: "queued" }, item: { ...ITEM, state: "sealed" } }), "delivered");
});

test("the list says waiting for what waits", () => {
  assert.deepEqual(["queued", "committing", "uploading", "sealed", "failed"].map((state) => shownState({ ...ITEM, state })),
    ["queued", "uploading", "uploading", "sealed", "failed"]);
  assert.equal(shownState({ ...ITEM, state: "committing", retryAt: 0 }), "queued");
});

test("bytes sent: whole artifacts and confirmed chunks", () => {
  const artifacts = [{ sha256: "a", sizeBytes: 10 }, { sha256: "b", sizeBytes: 100 }, { sha256: "c", sizeBytes: 1000 }];
  assert.deepEqual(sentOf({ ...ITEM, artifacts, missing: ["b", "c"], uploads: { c: { path: "/", sentBytes: 400 } } }), { sentBytes: 410, sizeBytes: 1110 });
});
