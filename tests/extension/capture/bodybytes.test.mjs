import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesFromBase64, bytesOfText, charsetOf } from "../../../extension/capture/bodybytes.js";

const utf8 = (text) => new TextEncoder().encode(text);
/** What the browser does to a body before it hands it out. */
const given = (bytes, encoding) => new TextDecoder(encoding).decode(bytes);
const claim = (bytes, encoding, charset) => bytesOfText(given(bytes, encoding), { sizeBytes: bytes.length, charset });

test("a UTF-8 body comes back byte for byte, with and without a byte order mark", () => {
  for (const body of [utf8("body{color:red}"), utf8("/* — “ţ” */"), utf8("\uFEFF/* mark */"), utf8("x\r\ny\0z")]) {
    const found = claim(body, "utf-8", "utf-8");
    assert.equal(found.exact, true, found.reason);
    assert.deepEqual(found.bytes, body);
  }
});

test("ASCII is exact whatever the encoding, without any declaration", () => {
  assert.equal(claim(utf8("var a = 1;"), "windows-1251", null).exact, true);
});

test("a latin-1 body is exact when the response declared it, and never claimed when nobody did", () => {
  const body = Uint8Array.of(0x22, 0xe9, 0xfc, 0xa9, 0x22);
  const declared = claim(body, "iso-8859-15", "ISO-8859-15");
  assert.equal(declared.exact, true, declared.reason);
  assert.deepEqual(declared.bytes, body);
  assert.equal(claim(body, "iso-8859-15", null).exact, false);
});

test("UTF-8 bytes shown as mojibake are not claimed as UTF-8", () => {
  const found = claim(utf8("é€"), "windows-1251", null);
  assert.equal(found.exact, false);
});

test("a body with undecodable bytes is never claimed, even where the length happens to agree", () => {
  const body = Uint8Array.of(0x61, 0xf0, 0x9f, 0x98, 0x62); // a cut four-byte sequence: U+FFFD has three bytes, as it had
  assert.equal(given(body, "utf-8"), "a\uFFFDb");
  assert.equal(claim(body, "utf-8", "utf-8").exact, false);
});

test("a text that GBK would give in the same length is not claimed as UTF-8 unless UTF-8 was declared", () => {
  const body = utf8("/* Москва */"); // two bytes for each letter in both
  assert.equal(claim(body, "utf-8", null).exact, false);
  assert.equal(claim(body, "utf-8", "utf-8").exact, true);
  assert.equal(claim(body, "utf-8", "gbk").exact, false);
});

test("Chinese in UTF-8 is three bytes where the legacy encodings have two: claimed without a declaration", () => {
  assert.equal(claim(utf8("/* 中文 and some text */"), "utf-8", null).exact, true);
});

test("an UTF-16 body is not claimed", () => {
  const units = Uint16Array.from("Привет", (char) => char.charCodeAt(0));
  assert.equal(claim(new Uint8Array(units.buffer), "utf-16le", null).exact, false);
});

test("a length that is not known proves nothing", () => {
  assert.equal(bytesOfText("plain", { sizeBytes: null, charset: "utf-8" }).exact, false);
  assert.equal(bytesOfText("plain", { sizeBytes: 6, charset: "utf-8" }).exact, false);
});

test("the charset parameter is found quoted or bare", () => {
  assert.equal(charsetOf('text/css; charset="utf-8"'), "utf-8");
  assert.equal(charsetOf("text/html;charset=windows-1250; x=y"), "windows-1250");
  assert.equal(charsetOf("text/html"), null);
});

test("base64 is decoded without the browser's own decoder too", () => {
  assert.deepEqual(bytesFromBase64("AP+A"), Uint8Array.of(0, 255, 128));
});
