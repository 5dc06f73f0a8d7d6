// What is taken for a credential in the bodies of a load, and what a page may not have taken for one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { learnOwn, learnText } from "../../../extension/capture/secrets/learn.js";
import { SecretStripper } from "../../../extension/capture/secrets/stripper.js";

const KEY = new Uint8Array(32);
const LOT = "4f1c2a9b7e30d586aa17c4e9";

/** The stripper after these bodies. */
function taught(bodies, options, ...shown) {
  const strip = new SecretStripper({ key: KEY });
  strip.show(...shown);
  for (const body of bodies) learnText(strip, typeof body === "string" ? body : JSON.stringify(body), options);
  return strip;
}

test("a member of JSON with a credential's name is taken out wherever its value stands", () => {
  for (const name of ["access_token", "refreshToken", "csrf_token", "sessionKey", "client_secret", "password", "apiKey"]) {
    const strip = taught([{ user: { [name]: LOT } }]);
    assert.equal(strip.text(`<p data-x="${LOT}">`, "urn:dom").includes(LOT), false, name);
  }
});

test("members that are ordinary words in data stay, byte for byte, though they are credentials in an address", () => {
  for (const name of ["nonce", "signature", "sig", "hmac", "ticket", "verification", "invite", "reset", "hash", "state", "key", "code"]) {
    const body = JSON.stringify({ [name]: LOT });
    assert.equal(taught([body]).text(body, "body"), body, name);
  }
});

test("a password that was sent may hold blanks, a sentence in an answer is never a secret", () => {
  const sentence = "The ferry ran aground at noon";
  assert.equal(taught([{ password: "open the gate 7!" }], { isSent: true }).text("open the gate 7!", "body").includes("gate"), false);
  assert.equal(taught([{ password: sentence, token: sentence }]).text(sentence, "urn:dom"), sentence);
});

test("what the page shows is not erased because an answer or a sent sentence calls it a secret; a sent word is", () => {
  const shown = ["https://a.example/", "News", "The line ferry-1207-aground is closed"];
  for (const [value, options, stays] of [["ferry-1207-aground", {}, true], ["The line ferry-1207", { isSent: true }, true], ["ferry-1207-aground", { isSent: true }, false]]) {
    assert.equal(taught([{ session: value }], options, ...shown).text(value, "urn:dom") === value, stays, value);
  }
});

for (const [how, flood] of Object.entries({
  "an answer of 1100 tokens": (strip) => learnText(strip, JSON.stringify(Object.fromEntries(Array.from({ length: 1100 }, (_, at) => [`token${at}`, `pageTokenValue${at}xyz`])))),
  "1100 addresses with tokens": (strip) => { for (let at = 0; at < 1100; at += 1) strip.url(`https://a.example/?token=4f1c2a9b7e30d586${at}`, "address"); },
  "1100 tokens that it sends": (strip) => { for (let at = 0; at < 1100; at += 1) learnText(strip, `token=4f1c2a9b7e30d586${at}`, { isSent: true }); },
  "1100 headers of tokens": (strip) => { for (let at = 0; at < 1100; at += 1) strip.learnHeader("X-Auth-Token", `4f1c2a9b7e30d586${at}`); },
})) {
  test(`${how} cannot keep the person's own cookie, login and password from being found`, () => {
    const strip = new SecretStripper({ key: KEY });
    flood(strip);
    learnText(strip, "user=a&password=MyRealPassword99", { isSent: true });
    strip.learnHeader("cookie", "sid=Abcdef0123456789xyz");
    strip.learnHeader("Authorization", "Bearer 9b7e30d5Qx86aa17c4e9");
    assert.equal(strip.text("echo MyRealPassword99 Abcdef0123456789xyz 9b7e30d5Qx86aa17c4e9", "x").replace(/holdstill-redacted-[0-9a-f]{16}/g, "*"), "echo * * *");
    assert.ok(strip.unlearned >= 100);
  });
}

test("an answer's members count among the 500 values that only a page calls secret", () => {
  const strip = taught([Object.fromEntries(Array.from({ length: 700 }, (_, at) => [`token${at}`, `pageTokenValue${at}xyz`]))]);
  assert.equal(strip.known.size, 500);
  assert.ok(strip.unlearned >= 200);
});

test("of a recording the person's own is learned before what any answer names", () => {
  const strip = new SecretStripper({ key: KEY });
  const body = (text) => new TextEncoder().encode(text);
  const flood = Array.from({ length: 1100 }, (_, at) => ({ requestHeaders: [], body: body(`token=4f1c2a9b7e30d586${at}`) }));
  learnOwn(strip, [...flood, { requestHeaders: [["Cookie", `sid=${LOT}`]], body: null }]);
  assert.equal(strip.text(LOT, "x").includes(LOT), false);
});
