import assert from "node:assert/strict";
import { test } from "node:test";
import { fetchChallenge, parseChallenge } from "../../../extension/queue/challenge.js";
import { parseServerUrl, PairingRefused } from "../../../extension/queue/pairing.js";
import { base64 } from "../../../extension/seal/encoding.js";
import { sha256Hex } from "../../../extension/seal/hashing.js";
import { makeBench } from "./bench.mjs";
import { FakeService } from "./service.mjs";

test("addresses as people type them", () => {
  assert.equal(parseServerUrl(" evidence.example/ "), "https://evidence.example");
  assert.equal(parseServerUrl("127.0.0.1:8040"), "http://127.0.0.1:8040");
  assert.equal(parseServerUrl("localhost:8040/holdstill//"), "http://localhost:8040", "a page's path is dropped");
  assert.equal(parseServerUrl("http://[::1]:9/"), "http://[::1]:9");
  for (const bad of ["", "https://", "ftp://a", "https://user:secret@a.example", "javascript:alert(1)", "two words"]) {
    assert.throws(() => parseServerUrl(bad), PairingRefused, bad);
  }
});

test("plain HTTP to another machine is refused: token and evidence would be readable on the way", () => {
  for (const url of ["http://evidence.example", "http://192.168.1.5:8040", "http://127.evil.example", "http://localhost.evil.example"]) {
    assert.throws(() => parseServerUrl(url), (error) => error.code === "insecure", url);
  }
});

test("pairing enrols the non-extractable key and pins the service's keys", async () => {
  const bench = await makeBench();
  const [pairing, key] = [await bench.store.readPairing(), await bench.store.readKey()];
  assert.deepEqual([pairing.logVkey, pairing.serviceVkey], [bench.service.logKey.vkey, bench.service.serviceKey.vkey]);
  assert.equal(pairing.keyId, key.keyId);
  assert.equal(key.privateKey.extractable, false);
  for (const format of ["pkcs8", "jwk"]) await assert.rejects(crypto.subtle.exportKey(format, key.privateKey));
});

test("a wrong code leaves the former pairing as it was", async () => {
  const bench = await makeBench();
  const before = await bench.store.readPairing();
  await assert.rejects(bench.pair({ pairingCode: "BAD" }), (error) => error.status === 403);
  assert.deepEqual(await bench.store.readPairing(), before);
});

test("a service that shows other log keys for the same log is not taken silently", async () => {
  const bench = await makeBench();
  const before = await bench.store.readPairing();
  bench.service.logKey = (await FakeService.start()).logKey;
  await assert.rejects(bench.pair(), (error) => error.code === "keys_changed");
  assert.deepEqual(await bench.store.readPairing(), before);
  assert.equal((await bench.pair({ acceptNewKeys: true })).logVkey, bench.service.logKey.vkey);
});

for (const [name, change] of Object.entries({
  "no log key": { log_vkey: "" },
  "a log key of another origin": { origin: "elsewhere.test/log" },
  "a key whose hash does not fit": { log_vkey: "service.test/log+00000000+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c" },
  "no token": { token: undefined },
})) {
  test(`pairing answer with ${name} is refused`, async () => {
    const bench = await makeBench({ paired: false });
    const real = bench.service.fetch;
    bench.service.fetch = async (url, init) => new Response(JSON.stringify({ ...(await (await real(url, init)).json()), ...change }), { status: 201 });
    await assert.rejects(bench.pair(), (error) => error.code === "keys");
    assert.equal(await bench.store.readPairing(), undefined);
  });
}

async function challengeOf(bench) {
  const checkpoint = (await bench.service.receipt(0)).split("\n\n").slice(1).join("\n\n");
  return { nonce: "n-1", server_time: "2026-01-02T03:04:05.000Z", checkpoint, checkpoint_sha256: sha256Hex(checkpoint), stamped: true,
    timestamps: [{ tsa: "local-a", sha256: "b".repeat(64) }, { tsa: "not a name", sha256: "b".repeat(64) }] };
}

test("a challenge gives nonce, clock and the verified checkpoint", async () => {
  const bench = await makeBench();
  const at = Date.parse("2026-01-02T03:04:04.000Z");
  const challenge = await parseChallenge(await challengeOf(bench), await bench.store.readPairing(), { before: at, after: at + 100 });
  assert.equal(challenge.nonce, "n-1");
  assert.deepEqual(challenge.clock, { offsetMs: 950, roundTripMs: 100, measuredAt: "2026-01-02T03:04:04.100Z" });
  assert.equal(challenge.checkpoint.treeSize, 1);
  assert.deepEqual(challenge.timestamps, [{ tsa: "local-a", sha256: "b".repeat(64) }]);
});

test("a checkpoint the pinned log did not sign is left out of the statement, with its timestamps", async () => {
  const bench = await makeBench();
  const pins = await bench.store.readPairing();
  const good = await challengeOf(bench);
  const other = await challengeOf(await makeBench());
  for (const bad of [other, { ...good, checkpoint_sha256: "0".repeat(64) }, { ...good, checkpoint: null }, { ...good, checkpoint: "x\n\n— y z\n", checkpoint_sha256: sha256Hex("x\n\n— y z\n") }]) {
    const challenge = await parseChallenge(bad, pins, { before: 0, after: 0 });
    assert.deepEqual([challenge.checkpoint, challenge.timestamps, challenge.nonce], [null, [], "n-1"]);
  }
});

test("offline, refused or nonsense: no challenge, and the capture goes on", async () => {
  const bench = await makeBench();
  const pairing = await bench.store.readPairing();
  const answers = [() => Promise.reject(new TypeError("Failed to fetch")), async () => new Response("{}", { status: 401 }), async () => new Response("<html>"), async () => new Response("{}")];
  for (const fetch of answers) assert.equal(await fetchChallenge(pairing, { fetch }), null);
});

test("base64 of the enrolled key is its SPKI", async () => {
  const bench = await makeBench();
  const { spki } = await bench.store.readKey();
  assert.equal(base64(spki).length, 160);
});
