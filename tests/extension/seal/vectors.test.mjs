// Every case of tests/vectors/, the files the Python side runs too. Witness cosignatures are the verifier's business, not the extension's.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { pae, parseEnvelope, verifyServiceEnvelope } from "../../../extension/seal/dsse.js";
import { base64, hex, parseBase64 } from "../../../extension/seal/encoding.js";
import { SealError } from "../../../extension/seal/errors.js";
import { sha256, sha256Hex } from "../../../extension/seal/hashing.js";
import { rawToDer } from "../../../extension/seal/keys.js";
import { verifyInclusion } from "../../../extension/seal/merkle.js";
import { parseNote, parseVkey, verifyNote } from "../../../extension/seal/note.js";
import { verifyReceipt } from "../../../extension/seal/receipt.js";

const vectors = (name) => JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), "utf8"));
const bytes = (text) => parseBase64(text, "vector");

/** Runs `verify` on a case: a valid one gives a value, a bad one the one error and no other. */
async function judge(one, verify) {
  if (one.valid) return verify(one);
  await assert.rejects(async () => verify(one), (error) => error instanceof SealError, `${one.name} was accepted, or failed in another way`);
  return undefined;
}

test("pre-authentication encoding and DER are the ones Python gives", () => {
  const { pae: encodings, rawToDer: signatures } = vectors("dsse");
  for (const one of encodings) assert.equal(base64(pae(one.payloadType, bytes(one.payload))), one.pae);
  for (const one of signatures) assert.equal(base64(rawToDer(bytes(one.raw))), one.der);
});

for (const one of vectors("dsse").envelopes) {
  test(`envelope: ${one.name}`, async () => {
    if (one.key === "device") {
      // The extension makes device signatures and never judges one; what it must read is the shape.
      if (one.valid) assert.equal(base64(parseEnvelope(one.envelope).payload), one.expect.payload);
      return;
    }
    const spki = bytes(one.spki);
    const signer = { publicKey: spki.slice(-32), keyId: sha256Hex(spki) };
    const payload = await judge(one, (it) => verifyServiceEnvelope(parseEnvelope(it.envelope), signer));
    if (one.valid) assert.equal(base64(payload), one.expect.payload);
  });
}

for (const one of vectors("note").vkeys) {
  test(`verifier key: ${one.name}`, async () => {
    const key = await judge(one, (it) => parseVkey(it.vkey));
    if (one.valid) {
      const { name, kind, hash, publicKey } = key;
      assert.deepEqual({ name, kind, keyHash: hex(hash), public: base64(publicKey) }, one.expect);
    }
  });
}

for (const one of vectors("note").notes) {
  test(`note: ${one.name}`, async () => {
    const text = await judge(one, (it) => verifyNote(parseNote(it.note), parseVkey(it.vkey)));
    if (one.valid) assert.equal(text, one.expect.text);
  });
}

for (const one of vectors("merkle").inclusion) {
  test(`inclusion: ${one.name}`, async () => {
    await judge(one, (it) => verifyInclusion({ ...it, leaf: bytes(it.leaf), proof: it.proof.map(bytes), root: bytes(it.root) }));
  });
}

for (const one of vectors("receipt").receipts.filter((it) => it.quorum === 0)) {
  test(`receipt: ${one.name}`, async () => {
    const found = await judge(one, async (it) => {
      await verifyServiceEnvelope(parseEnvelope(it.event), parseVkey(it.serviceVkey));
      return verifyReceipt({ text: it.receipt, leaf: sha256(it.event), origin: it.origin, logKey: parseVkey(it.logVkey) });
    });
    if (one.valid) {
      const { index, checkpoint } = found;
      assert.deepEqual({ index, size: checkpoint.size, root: base64(checkpoint.root) }, one.expect);
    }
  });
}
