// What the queue's tests share: a fresh database, locks, a clock that the test moves, and a sealed capture.
import assert from "node:assert/strict";
import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { pairDevice, ensureDeviceKey } from "../../../extension/queue/pairing.js";
import { pump } from "../../../extension/queue/pump.js";
import { queueItem } from "../../../extension/queue/reducer.js";
import { openStore } from "../../../extension/queue/store.js";
import { CHUNK_BYTES } from "../../../extension/queue/tus.js";
import { buildStatement, makeSalt, measureArtifact, signStatement } from "../../../extension/seal/statement.js";
import { FakeService } from "./service.mjs";

export const LARGE = 2 * CHUNK_BYTES + (1 << 20); // above the one-PUT limit: three chunks
export const CALLS = { commit: /^POST \/api\/v1\/captures$/, put: /^PUT /, open: /^POST .*\/artifacts\//, head: /^HEAD /, patch: /^PATCH /, seal: /\/seal$/ };

/** navigator.locks as far as the queue uses it. */
export class Locks {
  held = new Map();
  async query() {
    return { held: [...this.held.keys()].map((name) => ({ name })) };
  }
  async request(name, { ifAvailable = false, signal }, work) {
    if (ifAvailable && this.held.has(name)) return work(null);
    const aborted = new Promise((_resolve, reject) => { signal?.addEventListener("abort", () => reject(signal.reason)); });
    aborted.catch(() => undefined);
    while (this.held.has(name)) await Promise.race([this.held.get(name), aborted]);
    const done = (async () => work({ name }))();
    this.held.set(name, done.catch(() => undefined));
    try {
      return await done;
    } finally {
      this.held.delete(name);
    }
  }
}

export async function makeBench({ paired = true } = {}) {
  const factory = new IDBFactory();
  const service = await FakeService.start();
  const bench = { factory, service, store: await openStore(factory), locks: new Locks(), at: Date.parse("2026-01-02T03:04:05Z"), changes: [] };
  bench.pair = (wish = {}) =>
    pairDevice(bench.store, { serverUrl: service.url, pairingCode: "GOOD-CODE", label: "test", ...wish }, { fetch: service.fetch, now: new Date(bench.at) });
  bench.pump = (options) =>
    pump({ store: bench.store, fetch: service.fetch, now: () => bench.at, locks: bench.locks, onChange: (id) => bench.changes.push(id) }, options);
  bench.wait = (ms) => (bench.at += ms);
  bench.reopen = async () => (bench.store = await openStore(factory));
  if (paired) await bench.pair();
  return bench;
}

export const FACTS = {
  page: { url: "https://page.test/a?b=1", finalUrl: "https://page.test/a?b=1", title: "Title — ț", capturedAt: "2026-01-02T03:04:05.678Z", timeZone: "Europe/Bucharest",
    language: "ro", userAgent: "UA", viewport: { width: 1280, height: 720, scrollX: 0, scrollY: 300.5, devicePixelRatio: 1.25, shotBy: "captureVisibleTab" } },
  mode: "as_seen", method: "chrome.debugger", pageinfo: { captured: 17, omitted: 2, failedSteps: [] }, secrets: { kept: false, removed: 3 },
  form: { case: null, note: "", labels: [] }, challenge: null, extension: { version: "0.1.0", build: "0".repeat(64) },
};

/** Seals a capture of the given artifacts (name → bytes) into the bench's queue, as run.js does. */
export async function queueCapture(bench, files = { "screenshot.viewport.png": new Uint8Array([1, 2, 3]), "page.wacz": new Uint8Array(5000).fill(7) }) {
  const artifacts = await Promise.all(Object.entries(files).map(([name, bytes]) =>
    measureArtifact({ role: name.replace(/\.png$/, ""), name, mediaType: "application/octet-stream", blob: new Blob([bytes]) })));
  const key = await ensureDeviceKey(bench.store, new Date(bench.at));
  const { captureId, envelope, keyId } = await signStatement(key, buildStatement({ ...FACTS, artifacts, salt: makeSalt() }));
  const { serverUrl, origin, logVkey, serviceVkey } = (await bench.store.readPairing()) ?? {};
  const item = queueItem({ captureId, createdAt: new Date(bench.at).toISOString(), page: FACTS.page, envelope, keyId, artifacts,
    service: origin ? { serverUrl, origin, logVkey, serviceVkey } : null });
  await bench.store.addItem(item, new Map(artifacts.map((facts, at) => [facts.sha256, new Blob([Object.values(files)[at]])])));
  return captureId;
}

/** The end every interruption must come to: one capture, one leaf for each event, both receipts kept, bytes let go. */
export async function sealedSoundly(bench, captureId) {
  const item = await bench.store.readItem(captureId);
  assert.equal(item.state, "sealed", item.reason ?? "");
  assert.ok(item.committed.receipt && item.committed.event && item.sealed.receipt && item.sealed.event, "both receipts are kept");
  const [capture, ...others] = [...bench.service.captures.values()];
  assert.equal(others.length, 0, "no duplicate capture");
  for (const { sha256, sizeBytes } of item.artifacts) assert.equal(capture.blobs.get(sha256).length, sizeBytes);
  assert.equal(bench.service.leaves.length, 3, "one leaf each for commit and seal beside the first: nothing was logged twice");
  for (const { sha256 } of item.artifacts) assert.equal(await bench.store.readPayload(captureId, sha256), undefined, "bytes are let go only now");
}
