// What the service refuses, what it forges, and what is damaged: the capture is kept, and nothing false counts as a receipt.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEnvelope } from "../../../extension/seal/dsse.js";
import { isShutOut } from "../../../extension/queue/reducer.js";
import { CALLS, LARGE, makeBench, queueCapture, sealedSoundly } from "./bench.mjs";

test("a revoked token keeps the capture, asks to pair again, and then signs the same payload with the new key", async () => {
  const bench = await makeBench();
  const captureId = await queueCapture(bench);
  bench.service.revokeAll();
  await bench.pump();
  const kept = await bench.store.readItem(captureId);
  assert.deepEqual([kept.state, kept.reason], ["failed", "pairing_revoked"]);
  assert.notEqual((await bench.store.readPairing()).revokedAt, null);
  for (const { sha256 } of kept.artifacts) assert.ok(await bench.store.readPayload(captureId, sha256));
  bench.wait(24 * 3600_000);
  const calls = bench.service.calls.length;
  await bench.pump();
  assert.equal(bench.service.calls.length, calls, "a refused token is not tried again");
  const pairing = await bench.pair();
  assert.notEqual(pairing.keyId, kept.keyId, "the service enrols no revoked key again");
  await bench.pump();
  await sealedSoundly(bench, captureId);
  const sent = (await bench.store.readItem(captureId)).envelope;
  assert.deepEqual(parseEnvelope(sent).payload, parseEnvelope(kept.envelope).payload);
  assert.equal(parseEnvelope(sent).keyId, pairing.keyId);
});

test("a person who may capture no more keeps every capture, each with the reason, and it is sent when they may again", async () => {
  for (const call of [CALLS.commit, CALLS.put, CALLS.seal]) {
    const bench = await makeBench();
    const captureId = await queueCapture(bench);
    const refused = () => new Response(JSON.stringify({ code: "capture_not_allowed", needs: "capture" }), { status: 403 });
    bench.service.fail(call, "before", refused);
    await bench.pump();
    const kept = await bench.store.readItem(captureId);
    assert.deepEqual([kept.state, kept.reason], ["failed", "not_allowed"]);
    for (const { sha256 } of kept.artifacts) assert.ok(await bench.store.readPayload(captureId, sha256));
    assert.equal((await bench.store.readPairing()).revokedAt, null, "the pairing holds");
    assert.equal(isShutOut(await bench.store.readPairing(), await bench.store.listItems()), true);
    bench.wait(3600_000);
    await bench.pump();
    await sealedSoundly(bench, captureId);
    assert.equal(isShutOut(await bench.store.readPairing(), await bench.store.listItems()), false);
  }
});

test("what another service refused its person shuts nobody out of the one that is paired now", async () => {
  const bench = await makeBench();
  await queueCapture(bench);
  bench.service.fail(CALLS.commit, "before", () => new Response(JSON.stringify({ code: "capture_not_allowed" }), { status: 403 }));
  await bench.pump();
  const items = await bench.store.listItems(), pairing = await bench.store.readPairing();
  assert.equal(isShutOut(pairing, items), true);
  assert.equal(isShutOut({ ...pairing, origin: "other.test/log" }, items), false, "its queue waits for that service, which is not asked any more");
});

test("a token that only ran out is renewed with the same key, and what it committed is delivered", async () => {
  const bench = await makeBench();
  const captureId = await queueCapture(bench);
  bench.service.fail(CALLS.put, "before", () => new Response("{}", { status: 401 }));
  await bench.pump();
  const { keyId, reason } = await bench.store.readItem(captureId);
  assert.equal(reason, "pairing_revoked");
  assert.equal((await bench.pair()).keyId, keyId);
  await bench.pump();
  await sealedSoundly(bench, captureId);
});

test("pairing anew in the middle of an upload does not strand the capture", async () => {
  const bench = await makeBench();
  const captureId = await queueCapture(bench);
  const real = bench.service.fetch;
  bench.service.fetch = async (url, init) => {
    if (init.method !== "PUT") return real(url, init);
    bench.service.fetch = real;
    bench.service.tokens.clear(); // the former token ends as the new one is given
    await bench.pair();
    return real(url, init);
  };
  await bench.pump();
  assert.equal((await bench.store.readPairing()).revokedAt, null);
  bench.wait(3000);
  await bench.pump();
  await sealedSoundly(bench, captureId);
});

test("an upload's address on another host is not followed: the token would go there", async () => {
  const bench = await makeBench();
  const captureId = await queueCapture(bench, { "page.wacz": new Uint8Array(LARGE) });
  bench.service.fail(CALLS.open, "before", () => new Response(null, { status: 201, headers: { Location: "https://evil.test/api/v1/uploads/u0" } }));
  await bench.pump();
  assert.equal((await bench.store.readItem(captureId)).reason, "answer_unknown");
  assert.equal(bench.service.count(CALLS.head) + bench.service.count(CALLS.patch), 0);
});

test("files of a capture that a revoked key committed are kept, and the person is told why they stay", async () => {
  const bench = await makeBench();
  const captureId = await queueCapture(bench);
  bench.service.fail(CALLS.put, "before", () => (bench.service.revokeAll(), new Response("{}", { status: 401 })));
  await bench.pump();
  await bench.pair();
  bench.service.fail(CALLS.put, "before", () => new Response("{}", { status: 404 })); // not this device's capture
  await bench.pump();
  const item = await bench.store.readItem(captureId);
  assert.deepEqual([item.state, item.reason], ["failed", "former_key"]);
  for (const { sha256 } of item.artifacts) assert.ok(await bench.store.readPayload(captureId, sha256));
});

test("a capture made before any pairing goes out after it", async () => {
  const bench = await makeBench({ paired: false });
  const captureId = await queueCapture(bench);
  await bench.pump();
  assert.equal((await bench.store.readItem(captureId)).state, "queued");
  await bench.pair();
  await bench.pump();
  await sealedSoundly(bench, captureId);
});

test("bytes hurt on the way are sent again; bytes hurt here are said to be lost, never replaced", async () => {
  const mismatch = () => new Response(JSON.stringify({ code: "digest_mismatch" }), { status: 422 });
  const bench = await makeBench();
  const captureId = await queueCapture(bench);
  bench.service.fail(CALLS.put, "before", mismatch);
  await bench.pump();
  assert.equal((await bench.store.readItem(captureId)).reason, "hurt_on_the_way");
  bench.wait(3000);
  await bench.pump();
  await sealedSoundly(bench, captureId);

  const other = await makeBench();
  const damagedId = await queueCapture(other);
  const { artifacts } = await other.store.readItem(damagedId);
  const transaction = other.store.db.transaction("payloads", "readwrite");
  transaction.objectStore("payloads").put(new Blob(["zzz"]), `${damagedId}/${artifacts[0].sha256}`);
  await new Promise((done) => (transaction.oncomplete = done));
  await other.pump();
  const damaged = await other.store.readItem(damagedId);
  assert.deepEqual([damaged.state, damaged.reason, damaged.retryAt], ["failed", "artifact_damaged", null]);
  assert.ok(damaged.committed, "what was proved stays proved");
  assert.equal(other.service.captures.get(damagedId).sealed, null);
});

const FORGERIES = {
  "a receipt of another log": async (answer, bench) => ({ ...answer, receipt: (await (await makeBench()).service.receipt(0)) }),
  "an event about another statement": async (answer, bench) => {
    const strange = { id: answer.capture_id, envelope: "another" };
    const { event, index } = await bench.service.event("capture.committed", strange, { deviceKeyId: (await bench.store.readPairing()).keyId });
    return { ...answer, event, receipt: await bench.service.receipt(index) };
  },
  "a seal's event in place of the commit's": async (answer, bench) => {
    const capture = bench.service.captures.get(answer.capture_id);
    const { event, index } = await bench.service.event("capture.sealed", capture, { artifacts: [] });
    return { ...answer, event, receipt: await bench.service.receipt(index) };
  },
  "an event that was never logged": async (answer, bench) => {
    const { event } = await bench.service.event("capture.committed", bench.service.captures.get(answer.capture_id), { deviceKeyId: (await bench.store.readPairing()).keyId });
    bench.service.leaves.pop();
    return { ...answer, event };
  },
  "no receipt at all": async (answer) => ({ ...answer, receipt: undefined }),
  "another capture's id": async (answer) => ({ ...answer, capture_id: "0".repeat(64) }),
};

for (const [name, forge] of Object.entries(FORGERIES)) {
  test(`${name} does not count as a commit; the capture is kept`, async () => {
    const bench = await makeBench();
    const captureId = await queueCapture(bench);
    const real = bench.service.fetch;
    bench.service.fetch = async (url, init) => {
      const answer = await real(url, init);
      if (!CALLS.commit.test(`${init.method} ${new URL(url).pathname}`)) return answer;
      return new Response(JSON.stringify(await forge(await answer.json(), bench)), { status: 201 });
    };
    await bench.pump();
    const item = await bench.store.readItem(captureId);
    assert.deepEqual([item.state, item.reason, item.committed], ["failed", "receipt_invalid", null]);
    assert.equal(bench.service.count(CALLS.put), 0, "no byte goes to a service that does not prove what it took");
    for (const { sha256 } of item.artifacts) assert.ok(await bench.store.readPayload(captureId, sha256));
  });
}

test("a seal that names other artifacts is refused and the bytes are kept", async () => {
  const bench = await makeBench();
  const captureId = await queueCapture(bench);
  const real = bench.service.fetch;
  bench.service.fetch = async (url, init) => {
    if (!/\/seal$/.test(url)) return real(url, init);
    const capture = bench.service.captures.get(captureId);
    const { event, index } = await bench.service.event("capture.sealed", capture, { artifacts: [] });
    return new Response(JSON.stringify({ capture_id: captureId, state: "sealed", event, receipt: await bench.service.receipt(index) }), { status: 200 });
  };
  await bench.pump();
  const item = await bench.store.readItem(captureId);
  assert.deepEqual([item.state, item.reason, item.sealed], ["failed", "receipt_invalid", null]);
  assert.ok(item.committed);
  for (const { sha256 } of item.artifacts) assert.ok(await bench.store.readPayload(captureId, sha256));
});

test("bytes of another length than was sealed are never sent", async () => {
  const bench = await makeBench();
  const captureId = await queueCapture(bench);
  const { artifacts } = await bench.store.readItem(captureId);
  const transaction = bench.store.db.transaction("payloads", "readwrite");
  transaction.objectStore("payloads").put(new Blob(["cut"]), `${captureId}/${artifacts[1].sha256}`);
  await new Promise((done) => (transaction.oncomplete = done));
  await bench.pump();
  assert.equal((await bench.store.readItem(captureId)).reason, "artifact_damaged");
  assert.equal(bench.service.count(CALLS.put), 1, "only the sound one");
});

for (const code of ["statement_taken", "nonce_used"]) {
  test(`${code} is for a person, not for repeating`, async () => {
    const bench = await makeBench();
    const captureId = await queueCapture(bench);
    bench.service.fail(CALLS.commit, "before", () => new Response(JSON.stringify({ code }), { status: 409 }));
    await bench.pump();
    const item = await bench.store.readItem(captureId);
    assert.deepEqual([item.state, item.reason], ["failed", "service_refused"]);
  });
}

test("a fault of one capture blocks no other", async () => {
  const bench = await makeBench();
  const first = await queueCapture(bench);
  bench.wait(1000);
  const second = await queueCapture(bench);
  bench.service.fail(CALLS.commit, "before", () => new Response("<html>no</html>", { status: 400 }));
  await bench.pump();
  assert.equal((await bench.store.readItem(first)).reason, "service_refused");
  assert.equal((await bench.store.readItem(second)).state, "sealed");
});

test("a capture sealed for one service is not sent to another", async () => {
  const bench = await makeBench();
  const captureId = await queueCapture(bench);
  await bench.store.savePairing({ ...(await bench.store.readPairing()), origin: "other.test/log" }, await bench.store.readKey());
  await bench.pump();
  assert.equal(bench.service.count(CALLS.commit), 0);
  assert.equal((await bench.store.readItem(captureId)).state, "queued");
});

/** A commit arrives, its answer is lost, its key is revoked, and the device pairs anew. */
async function lostBeforeRevocation() {
  const bench = await makeBench();
  const captureId = await queueCapture(bench);
  const original = await bench.store.readItem(captureId);
  bench.service.fail(CALLS.commit, "after");
  await bench.pump();
  bench.service.revokeAll();
  bench.wait(3000);
  await bench.pump();
  assert.equal((await bench.store.readItem(captureId)).reason, "pairing_revoked");
  await bench.pair();
  return { bench, captureId, original };
}

test("a commit whose answer was lost before its key was revoked is proved by the original envelope's receipt, and sealed", async () => {
  const { bench, captureId, original } = await lostBeforeRevocation();
  await bench.pump();
  await sealedSoundly(bench, captureId);
  const { envelope, keyId } = await bench.store.readItem(captureId);
  assert.deepEqual({ envelope, keyId }, { envelope: original.envelope, keyId: original.keyId });
});

test("a service that says statement_taken to the new signature does not lose the former one, and is asked again", async () => {
  const { bench, captureId, original } = await lostBeforeRevocation();
  bench.service.fail(CALLS.commit, "before", () => new Response(JSON.stringify({ code: "statement_taken" }), { status: 409 }));
  await bench.pump();
  const item = await bench.store.readItem(captureId);
  assert.deepEqual([item.reason, item.envelope, item.keyId], ["former_key", original.envelope, original.keyId]);
  bench.wait(2 * 3600_000);
  await bench.pump();
  await sealedSoundly(bench, captureId);
});
