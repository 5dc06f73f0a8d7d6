// What a HEAD refuses, whose answer has no body: the reason is asked for, and nothing is repeated in a tight loop.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isShutOut } from "../../../extension/queue/reducer.js";
import { CALLS, LARGE, makeBench, queueCapture, sealedSoundly } from "./bench.mjs";

test("a person who may capture no more in the middle of a large file is told so: the answer to HEAD has no body", async () => {
  const bench = await makeBench();
  const captureId = await queueCapture(bench, { "page.wacz": new Uint8Array(LARGE) });
  bench.service.fail(CALLS.patch, "after");
  await bench.pump();
  assert.equal((await bench.store.readItem(captureId)).reason, "unreachable");
  const notAllowed = (body) => () => new Response(body, { status: 403 });
  bench.service.fail(CALLS.head, "before", notAllowed(null));
  bench.service.fail(CALLS.open, "before", notAllowed(JSON.stringify({ code: "capture_not_allowed", needs: "capture" })));
  bench.wait(3000);
  await bench.pump();
  const kept = await bench.store.readItem(captureId);
  assert.deepEqual([kept.state, kept.reason], ["failed", "not_allowed"]);
  assert.equal(isShutOut(await bench.store.readPairing(), await bench.store.listItems()), true);
  bench.wait(3600_000);
  await bench.pump();
  await sealedSoundly(bench, captureId);
});

test("a HEAD that something between refuses for no stated reason is no tight loop", async () => {
  const bench = await makeBench();
  const captureId = await queueCapture(bench, { "page.wacz": new Uint8Array(LARGE) });
  bench.service.fail(CALLS.head, "before", () => new Response(null, { status: 403 }));
  await bench.pump();
  const kept = await bench.store.readItem(captureId);
  assert.deepEqual([kept.state, kept.reason, bench.service.count(CALLS.head)], ["failed", "service_refused", 0], "no second one");
  bench.wait(3600_000);
  await bench.pump();
  await sealedSoundly(bench, captureId);
});
