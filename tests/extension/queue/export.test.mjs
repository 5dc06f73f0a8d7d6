import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { exportCapture, NotHere, proofFiles } from "../../../extension/queue/export.js";
import { isTight, needOf, readRoom } from "../../../extension/queue/room.js";
import { findItems } from "../../../extension/ui/queuesearch.js";
import { makeBench, queueCapture } from "./bench.mjs";

const READ = "import sys, zipfile, json; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(json.dumps([[i.filename, i.compress_type, i.flag_bits & 9, i.file_size] for i in z.infolist()]))";

test("an unsent capture leaves as a zip that others read, and stays in the queue", async () => {
  const bench = await makeBench();
  const captureId = await queueCapture(bench);
  const before = await bench.store.readItem(captureId);
  const { name, blob } = await exportCapture(bench.store, captureId);
  assert.equal(name, `${captureId.slice(0, 16)}.holdstill.zip`);
  const folder = mkdtempSync(join(tmpdir(), "holdstill-export-"));
  try {
    writeFileSync(join(folder, name), Buffer.from(await blob.arrayBuffer()));
    const entries = JSON.parse(execFileSync("python3", ["-c", READ, join(folder, name)], { encoding: "utf8" }));
    assert.deepEqual(entries, [["statement.dsse.json", 0, 0, before.envelope.length], ["screenshot.viewport.png", 0, 0, 3], ["page.wacz", 0, 0, 5000]], "stored, unencrypted, sizes in the headers");
  } finally {
    rmSync(folder, { recursive: true });
  }
  assert.deepEqual(await bench.store.readItem(captureId), before);
  for (const { sha256, sizeBytes } of before.artifacts) assert.equal((await bench.store.readPayload(captureId, sha256)).size, sizeBytes);
  await bench.pump();
  assert.equal((await bench.store.readItem(captureId)).state, "sealed", "it goes out as if nothing had been exported");
});

test("a delivered capture has receipts to save and no bytes to export", async () => {
  const bench = await makeBench();
  const captureId = await queueCapture(bench);
  assert.deepEqual(proofFiles(await bench.store.readItem(captureId)).map(({ kind }) => kind), ["statement"]);
  await bench.pump();
  const item = await bench.store.readItem(captureId);
  assert.deepEqual(proofFiles(item).map(({ name }) => name.slice(65)), ["committed.tlog-proof", "committed.dsse.json", "sealed.tlog-proof", "sealed.dsse.json", "statement.dsse.json"]);
  assert.equal(proofFiles(item)[0].text, item.committed.receipt);
  await assert.rejects(exportCapture(bench.store, captureId), NotHere);
  await assert.rejects(exportCapture(bench.store, "0".repeat(64)), NotHere);
});

test("room is called tight before a capture may fail for it, and never when it is unknown", async () => {
  const storage = (quota, usage) => ({ estimate: async () => ({ quota, usage }) });
  const item = (sizeBytes) => ({ artifacts: [{ sizeBytes }, { sizeBytes: 1 }] });
  assert.equal(needOf([]), 100 << 20);
  assert.equal(needOf([item(50 << 20), item(1)]), 3 * ((50 << 20) + 1));
  assert.deepEqual(await readRoom(storage(1000, 400), []), { freeBytes: 600, usedBytes: 400, needBytes: 100 << 20 });
  assert.equal((await readRoom(storage(100, 400), [])).freeBytes, 0);
  assert.ok(isTight(await readRoom(storage(1 << 20, 0), [])));
  assert.ok(!isTight(await readRoom(storage(2 ** 40, 0), [])));
  assert.equal(await readRoom(storage(undefined, undefined), []), null);
  assert.ok(!isTight(null));
});

test("captures are found by words of their page and form, whatever case and accents, and by state", async () => {
  const bench = await makeBench();
  await queueCapture(bench);
  const [item] = await bench.store.listItems();
  const found = (words, state = "") => findItems([item], { words, state }).length;
  assert.deepEqual([found(""), found("TITLE"), found("title t"), found("page.test"), found(item.captureId.slice(0, 8)), found("nowhere")], [1, 1, 1, 1, 1, 0]);
  assert.deepEqual([found("", "queued"), found("", "sealed")], [1, 0]);
  assert.equal(findItems([{ ...item, envelope: "broken" }], { words: "title", state: "" }).length, 1);
});
