import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { pae, parseEnvelope } from "../../../extension/seal/dsse.js";
import { base64, hex, parseBase64 } from "../../../extension/seal/encoding.js";
import { hashBlob, sha256Hex } from "../../../extension/seal/hashing.js";
import { generateDeviceKey, signPageDigest } from "../../../extension/seal/keys.js";
import { buildStatement, makeSalt, measureArtifact, signStatement } from "../../../extension/seal/statement.js";
import { FACTS } from "../queue/bench.mjs";

const CHALLENGE = { nonce: "n", origin: "o/log", checkpoint: { treeSize: 42, sha256: "c".repeat(64) }, timestamps: [{ tsa: "a", sha256: "d".repeat(64) }],
  clock: { offsetMs: -12, roundTripMs: 34, measuredAt: "2026-01-02T03:04:05.000Z" } };
const ARTIFACTS = [{ role: "page.wacz", name: "page.wacz", mediaType: "application/wacz+zip", sha256: "a".repeat(64), sizeBytes: 123456 }];
const build = (change = {}) => buildStatement({ ...FACTS, artifacts: ARTIFACTS, salt: makeSalt(), ...change });
const read = (payload) => JSON.parse(new TextDecoder().decode(payload));

test("the statement has the shape of formats.md", () => {
  const salt = "0123456789abcdef0123456789abcdef";
  const statement = read(build({ challenge: CHALLENGE, salt, form: { case: "2026-014", note: "ad", labels: ["x"] } }));
  const { url, finalUrl, title, capturedAt, timeZone, language, userAgent, viewport } = FACTS.page;
  assert.deepEqual(statement, {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "page.wacz", digest: { sha256: "a".repeat(64) }, annotations: { role: "page.wacz", mediaType: "application/wacz+zip", sizeBytes: 123456 } }],
    predicateType: "https://holdstill.local/capture/v1",
    predicate: {
      url, finalUrl, title, capturedAt, clock: CHALLENGE.clock, timeZone, language, mode: "as_seen", method: "chrome.debugger", viewport, userAgent,
      extension: FACTS.extension, pageinfo: FACTS.pageinfo, secrets: FACTS.secrets, case: "2026-014", note: "ad", labels: ["x"],
      notBefore: { origin: "o/log", treeSize: 42, checkpointSha256: "c".repeat(64), timestamps: [{ tsa: "a", sha256: "d".repeat(64) }] }, nonce: "n", salt,
    },
  });
});

test("offline the clock, the nonce and not-before are null, and stand there as null", () => {
  const { predicate } = read(build());
  assert.deepEqual([predicate.clock, predicate.nonce, predicate.notBefore, predicate.case], [null, null, null, null]);
});

test("a challenge without a checkpoint still gives nonce and clock", () => {
  const { predicate } = read(build({ challenge: { ...CHALLENGE, checkpoint: null, timestamps: [] } }));
  assert.deepEqual([predicate.nonce, predicate.notBefore, predicate.clock], ["n", null, CHALLENGE.clock]);
});

test("text that UTF-8 or the database cannot hold, and endless text, cannot spoil a statement", () => {
  const { predicate } = read(build({ page: { ...FACTS.page, title: `a\0b\uD800${"x".repeat(1e6)}` }, form: { case: null, note: "n".repeat(1e6), labels: Array(500).fill("l") } }));
  assert.ok(predicate.title.startsWith("a\uFFFDb\uFFFDx"));
  assert.ok(predicate.title.length <= 2000 && predicate.note.length <= 10000 && predicate.labels.length <= 50);
});

test("the Python parser reads what is built here, and finds the same capture id and signature", async () => {
  const key = await generateDeviceKey(new Date(0));
  const artifact = await measureArtifact({ role: "screenshot.viewport", name: "screenshot.viewport.png", mediaType: "image/png", blob: new Blob(["png"]) });
  const { captureId, envelope } = await signStatement(key, build({ artifacts: [artifact], challenge: CHALLENGE, form: { case: "ț", note: "„note”", labels: ["a"] } }));
  const script = `
import json, sys
from server.trust.dsse import parse_envelope, verify_envelope
from server.trust.keys import DevicePublicKey
from server.trust.statement import parse_statement
import base64
given = json.load(sys.stdin)
envelope = parse_envelope(given["envelope"].encode())
statement = parse_statement(verify_envelope(envelope, DevicePublicKey.from_spki(base64.b64decode(given["spki"]))))
print(json.dumps([statement.capture_id, statement.title, statement.case, statement.note, statement.not_before.tree_size, statement.artifacts[0].sha256]))
`;
  const root = new URL("../../../", import.meta.url);
  const python = process.env.PYTHON ?? new URL(".venv/bin/python", root).pathname;
  const answer = execFileSync(python, ["-c", script], { cwd: root, input: JSON.stringify({ envelope, spki: base64(key.spki) }), encoding: "utf8" });
  assert.deepEqual(JSON.parse(answer), [captureId, FACTS.page.title, "ț", "„note”", 42, sha256Hex("png")]);
});

test("the same payload signed by another key is the same capture", async () => {
  const payload = build();
  const [one, two] = await Promise.all([generateDeviceKey(new Date(0)), generateDeviceKey(new Date(0))]);
  const [first, second] = [await signStatement(one, payload), await signStatement(two, payload)];
  assert.equal(first.captureId, second.captureId);
  assert.notEqual(parseEnvelope(first.envelope).keyId, parseEnvelope(second.envelope).keyId);
});

test("equal pages give different captures: the salt is fresh", () => {
  assert.notEqual(sha256Hex(build()), sha256Hex(build()));
  assert.match(makeSalt(), /^[0-9a-f]{32}$/);
});

test("the WACZ digest is signed raw r‖s with SHA-256, the statement is not", async () => {
  const key = await generateDeviceKey(new Date(0));
  const { signature, publicKey } = await signPageDigest(key, "sha256:00");
  const imported = await crypto.subtle.importKey("spki", parseBase64(publicKey, "key"), { name: "ECDSA", namedCurve: "P-384" }, false, ["verify"]);
  const raw = parseBase64(signature, "signature");
  assert.equal(raw.length, 96);
  const text = new TextEncoder().encode("sha256:00");
  assert.equal(await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, imported, raw, text), true);
  assert.equal(await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-384" }, imported, raw, text), false);
  assert.equal(hex(pae("a", new Uint8Array(0))).length, 2 * "DSSEv1 1 a 0 ".length);
});

test("a blob has the digest of its bytes, read at once or as a stream", async () => {
  const bytes = new Uint8Array(3_000_001).map((_, at) => at * 7);
  const blob = new Blob([bytes.subarray(0, 1_000_003), bytes.subarray(1_000_003)]);
  assert.equal(await hashBlob(blob), sha256Hex(bytes));
  assert.equal(await hashBlob(blob, 1000), sha256Hex(bytes));
  assert.equal(await hashBlob(new Blob([])), sha256Hex(""));
});
