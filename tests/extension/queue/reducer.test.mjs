import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffMs, hasWork, isDue, queueItem, reduce } from "../../../extension/queue/reducer.js";

const A = "a".repeat(64);
const B = "b".repeat(64);
const SERVICE = { serverUrl: "https://s", origin: "o", logVkey: "l", serviceVkey: "s" };
const PROOF = { receipt: "r", event: "e", time: "t", index: 0, treeSize: 1 };
const artifact = (sha256) => ({ role: "upload", name: sha256, mediaType: "a/b", sha256, sizeBytes: 1 });
const fresh = () => queueItem({ captureId: "c", createdAt: "2026", page: { url: "u", title: "t" }, envelope: "e", keyId: "k", artifacts: [artifact(A), artifact(B), artifact(A)], service: null });
const after = (...events) => events.reduce((item, event) => reduce(item, event), fresh());
const STARTED = { type: "started", service: SERVICE };
const COMMITTED = { type: "committed", proof: PROOF, missing: [B, A, "c".repeat(64)] };
const EVENTS = [STARTED, COMMITTED, { type: "resigned", envelope: "x", keyId: "y" }, { type: "upload_opened", sha256: A, path: "/u" }, { type: "upload_lost", sha256: A },
  { type: "chunk_sent", sha256: A, sentBytes: 5 }, { type: "uploaded", sha256: A }, { type: "found_missing", missing: [A] }, { type: "sealed", proof: PROOF },
  { type: "interrupted", reason: "r", at: 0 }, { type: "refused", reason: "r", retryAt: null }, { type: "retried" }, { type: "discarded" }];

test("the straight way", () => {
  assert.equal(after().state, "queued");
  assert.equal(after(STARTED).state, "committing");
  const uploading = after(STARTED, COMMITTED);
  assert.deepEqual([uploading.state, uploading.missing], ["uploading", [A, B]], "only what the statement names, each once, in its order");
  const sealed = after(STARTED, COMMITTED, { type: "uploaded", sha256: A }, { type: "uploaded", sha256: B }, { type: "sealed", proof: PROOF });
  assert.deepEqual([sealed.state, sealed.missing, sealed.committed, sealed.sealed], ["sealed", [], PROOF, PROOF]);
});

test("a sealed capture never changes again", () => {
  const sealed = after(STARTED, COMMITTED, { type: "sealed", proof: PROOF });
  for (const event of EVENTS) assert.deepEqual({ ...reduce(sealed, event) }, { ...sealed }, event.type);
});

test("every event may come twice", () => {
  for (const state of [fresh(), after(STARTED), after(STARTED, COMMITTED), after(STARTED, COMMITTED, { type: "refused", reason: "r", retryAt: 5 })]) {
    for (const event of EVENTS.filter(({ type }) => type !== "interrupted" && type !== "discarded")) {
      const once = reduce(state, event);
      assert.deepEqual(reduce(once, event), once, `${event.type} in ${state.state}`);
    }
  }
});

test("discard is possible until the commit may be under way, not after", () => {
  assert.equal(reduce(fresh(), { type: "discarded" }), null);
  for (const item of [after(STARTED), after(STARTED, COMMITTED), after(STARTED, { type: "refused", reason: "r", retryAt: null })]) {
    assert.equal(reduce(item, { type: "discarded" }), item);
  }
});

test("a committed statement is never signed anew", () => {
  assert.equal(after(STARTED, COMMITTED, { type: "resigned", envelope: "x", keyId: "y" }).envelope, "e");
});

test("a seal cannot come before the commit", () => {
  assert.equal(after({ type: "sealed", proof: PROOF }).state, "queued");
  assert.equal(after(STARTED, { type: "sealed", proof: PROOF }).state, "committing");
});

test("failures wait longer each time, and a success forgets them", () => {
  assert.deepEqual([1, 2, 3, 4].map(backoffMs), [2000, 4000, 8000, 16000]);
  assert.equal(backoffMs(1000), 15 * 60_000);
  const twice = after(STARTED, { type: "interrupted", reason: "unreachable", at: 100 }, { type: "interrupted", reason: "unreachable", at: 100 });
  assert.deepEqual([twice.state, twice.attempts, twice.retryAt], ["committing", 2, 4100]);
  assert.equal(isDue(twice, 4099), false);
  assert.equal(isDue(twice, 4100), true);
  assert.deepEqual([reduce(twice, COMMITTED).attempts, reduce(twice, COMMITTED).retryAt, reduce(twice, COMMITTED).reason], [0, null, null]);
});

test("a failed capture goes on where it failed; without a time only a person starts it", () => {
  const failed = after(STARTED, COMMITTED, { type: "refused", reason: "r", retryAt: null });
  assert.deepEqual([failed.state, isDue(failed, Infinity), hasWork(failed)], ["failed", false, false]);
  assert.equal(reduce(failed, { type: "retried" }).state, "uploading");
  const later = after(STARTED, { type: "refused", reason: "r", retryAt: 7 });
  assert.deepEqual([isDue(later, 6), isDue(later, 7), hasWork(later), reduce(later, { type: "retried" }).state], [false, true, true, "committing"]);
});

test("a time of zero is a time", () => {
  assert.equal(isDue(after(STARTED, { type: "refused", reason: "r", retryAt: 0 }), 0), true);
});
