// What the person's browser sent under a credential's name never leaves in clear, in any of the extension's languages and whatever it looks like.
import assert from "node:assert/strict";
import { test } from "node:test";
import { changeText } from "../../../extension/capture/bodybytes.js";
import { learnText } from "../../../extension/capture/secrets/learn.js";
import { findPasswordNames } from "../../../extension/capture/secrets/markup.js";
import { isSecretName } from "../../../extension/capture/secrets/names.js";
import { SecretStripper } from "../../../extension/capture/secrets/stripper.js";
import { growth } from "./growth.mjs";

const stripper = () => new SecretStripper({ key: new Uint8Array(32) });
const MARK = /holdstill-redacted-[0-9a-f]{16}/g;

/** The body of a request as it is written, learned before. */
function sent(body, strip = stripper()) {
  learnText(strip, body, { isSent: true });
  return strip.sent(body, "request");
}

for (const name of ["heslo", "passwort", "kennwort", "password", "pass", "pin", "passe", "mdp", "mot_de_passe", "haslo", "hasło", "parola", "parolă", "parol", "пароль", "Пароль", "пін", "pwd", "user[heslo]", "newPassword2"]) {
  test(`a login under the name ${name} does not leave in the request's body, be it a word, a number or a sentence`, () => {
    for (const value of ["Mojeheslo7!", "12345", "7", "true", "slovo", "dve slova & = \" \\ <"]) {
      for (const [body, clean] of [[`user=jan&${encodeURIComponent(name)}=${encodeURIComponent(value)}&x=1`, `user=jan&${encodeURIComponent(name)}=*&x=1`],
        [JSON.stringify({ user: "jan", in: [1, { [name]: value }], n: 1 }), JSON.stringify({ user: "jan", in: [1, { [name]: "*" }], n: 1 })],
        [`{ "n": 10.0, "data": ${JSON.stringify(JSON.stringify({ [name]: value }))} }`, `{ "n": 10.0, "data": ${JSON.stringify(JSON.stringify({ [name]: "*" }))} }`],
        [`user=jan\r\n${name}=${value}\r\nx=1\r\n`, `user=jan\r\n${name}=*\r\nx=1\r\n`],
        [`--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n--b--\r\n`, `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n*\r\n--b--\r\n`]]) {
        assert.equal(sent(body).replace(MARK, "*"), clean, body);
      }
    }
  });
}

test("a numeric member, a list and an object under a password's name, an XML element and a value inside a query language", () => {
  for (const [body, clean] of [['{"pin":4711,"id":1234567890123456789}', '{"pin":"*","id":1234567890123456789}'], ['[{"pass":["a1","b"]},"word",true]', '[{"pass":["*","*"]},"word",true]'],
    ['{"heslo":{"v":"x"},"p":"y"}', '{"heslo":{"v":"*"},"p":"y"}'], ["<login><ns:heslo a='1'>x y</ns:heslo><u>jan</u></login>", "<login><ns:heslo a='1'>*</ns:heslo><u>jan</u></login>"],
    [JSON.stringify({ query: 'mutation { login(user: "jan", heslo: "x\'y") }' }), JSON.stringify({ query: 'mutation { login(user: "jan", heslo: "*") }' })],
    ['{"heslo":"unclosed', '{"heslo":"*'], ["data=" + encodeURIComponent('{"heslo":"ab"}'), "data=" + encodeURIComponent('{"heslo":"*"}')]]) {
    assert.equal(sent(body).replace(MARK, "*"), clean, body);
  }
});

test("what was sent under the name of a password field of the page is a password, whatever the name says", () => {
  const strip = stripper();
  const body = "jmeno=jan&tajemstvi=Mojeheslo7%21x";
  learnText(strip, body, { isSent: true });
  assert.deepEqual(findPasswordNames("<input name=q><INPUT type='Password' id=a NAME='tajemstvi'>"), ["tajemstvi", "a"]);
  strip.show("https://a.example/", "Vítejte", "Vítejte");
  learnText(strip, `<form><input type=password name="Tajemstvi"></form>`);
  assert.match(strip.sent(body, "request"), /^jmeno=jan&tajemstvi=holdstill-redacted-[0-9a-f]{16}$/);
  assert.equal(strip.text("echo Mojeheslo7!x", "body").includes("Mojeheslo7"), false);
  assert.match(strip.url("https://a.example/in?tajemstvi=12345", "address"), /tajemstvi=holdstill-redacted-/);
});

test("a page cannot have its own address erased by calling a parameter a password field", () => {
  const strip = stripper();
  strip.show("https://evil.example/lies?story=vaccine-kills-1000-kids", "", "");
  strip.expectPasswords(["story"]);
  assert.equal(strip.url("https://evil.example/lies?story=vaccine-kills-1000-kids", "address"), "https://evil.example/lies?story=vaccine-kills-1000-kids");
});

test("the markup of a filled password field loses its value, in the mail format too, and nothing else", () => {
  for (const [html, options, clean] of [['<input type="password" name=x value="12345"> 12345', {}, /^<input type="password" name=x value="\*"> 12345$/],
    ["<input value='a\"b' type=password>", {}, /^<input value="\*" type=password>$/], ['<input type=3D"pass=\r\nword" value=3D"12345">', { quotedPrintable: true }, /value=3D"\*">$/],
    ['<input type="text" name=x value="12345">', {}, /12345/]]) {
    assert.match(stripper().text(html, "dom", options).replace(MARK, "*"), clean, html);
  }
});

test("a body that is not UTF-8 loses its password too", () => {
  const body = Uint8Array.from([...Buffer.from("jmeno=")].concat(0xe9, ...Buffer.from("&heslo=tajne")));
  const text = Buffer.from(changeText(body, (one) => stripper().sent(one, "request"))).toString("latin1");
  assert.match(text, /^jmeno=é&heslo=holdstill-redacted-[0-9a-f]{16}$/);
});

test("a body without a credential stays byte for byte, and so do names that only resemble one", () => {
  for (const body of ["a=b&c=%7B%22x%22%3A+1%7D&passenger=Jan", '{ "spinner" : [1.0, "a\\u0041"], "compass":"n" , "q":"x=1" }', "--b\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\nx\r\n--b--", "plain words: none"]) {
    assert.equal(sent(body), body);
  }
  for (const name of ["passenger", "compass", "spinner", "parliament", "opinion"]) assert.equal(isSecretName(name, { inUrl: true }), false, name);
});

for (const part of ['"\\', '{"a":', "[", "a=", "<a ", "<a>", '--\r\nContent-Disposition: form-data; name="a"\r\n', 'heslo: "', "heslo:\\\"", "&a={"]) {
  test(`a body of “${part}” cannot slow its cleaning down`, () => {
    for (const first of ["", "{"]) {
      assert.ok(growth(8_000, (size) => {
        const body = first + part.repeat(size);
        return () => stripper().sent(body, "request");
      }) < 10, first);
    }
  });
}
