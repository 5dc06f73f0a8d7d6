import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { changeMhtmlText, mhtmlPictures } from "../../../extension/capture/mhtml.js";
import { findMarkupSecrets } from "../../../extension/capture/secrets/markup.js";
import { isSecretParameter } from "../../../extension/capture/secrets/names.js";
import { SecretStripper } from "../../../extension/capture/secrets/stripper.js";
import { growth } from "./growth.mjs";

const KEY = new Uint8Array(32).fill(7);
const stripper = (options = {}) => new SecretStripper({ key: KEY, ...options });
const hmac = (value) => createHmac("sha256", KEY).update(value).digest("hex");

test("credential headers are replaced by their name and an HMAC their owner can recompute", () => {
  const strip = stripper();
  const headers = [["Cookie", "sid=canary-1234567890ab"], ["Authorization", "Bearer canary"], ["Proxy-Authorization", "Basic x"], ["X-CSRF-Token", "canary"],
    ["X-XSRF-TOKEN", "canary"], ["set-cookie", "a=1"], ["X-Api-Key", "canary"], ["Accept", "*/*"]];
  const found = strip.headers(headers, "request https://a.example/");
  assert.equal(JSON.stringify(found).includes("canary"), false);
  assert.deepEqual(found[0], ["X-Holdstill-Redacted", `cookie; hmac-sha256=${hmac("sid=canary-1234567890ab")}`]);
  assert.deepEqual(found.at(-1), ["Accept", "*/*"]);
  assert.deepEqual(strip.removed.map(({ name }) => name).sort(), ["header authorization", "header cookie", "header proxy-authorization", "header set-cookie",
    "header x-api-key", "header x-csrf-token", "header x-xsrf-token"]);
});

test("token parameters, fragments and user information leave an address; the rest of it stays byte for byte", () => {
  const strip = stripper();
  const url = strip.url("https://me:canarypw@a.example/p/%C3%A9?x=1&access_token=canary-1&y=a+b&sig=canary-2#id_token=canary-3&z", "address");
  assert.match(url, /^https:\/\/holdstill-redacted-[0-9a-f]{16}@a\.example\/p\/%C3%A9\?x=1&access_token=holdstill-redacted-[0-9a-f]{16}&y=a\+b&sig=holdstill-redacted-[0-9a-f]{16}#id_token=holdstill-redacted-[0-9a-f]{16}&z$/);
  assert.equal(strip.url(url, "address"), url);
});

test("a short code or key is an ordinary parameter, a long one is taken for a credential", () => {
  assert.equal(isSecretParameter("code", "RO"), false);
  assert.equal(isSecretParameter("key", "name"), false);
  assert.equal(isSecretParameter("code", "4/0AX4XfWh-canary"), true);
  assert.equal(isSecretParameter("token", "true"), false);
  for (const name of ["access_token", "token", "sig", "session", "auth", "X-Amz-Signature", "PHPSESSID", "reset_token", "sessionid"]) assert.equal(isSecretParameter(name, "abcd"), true, name);
  for (const name of ["q", "page", "id", "v", "utm_source", "article", "tokenize", "author"]) assert.equal(isSecretParameter(name, "abcdefghijkl"), false, name);
});

test("a value learned in one place is taken out of every other, in each spelling", () => {
  const strip = stripper();
  strip.learn("form token", 'a/b+c="canary"&d');
  for (const text of ['a/b+c="canary"&d', "a/b+c=&quot;canary&quot;&amp;d", encodeURIComponent('a/b+c="canary"&d'), JSON.stringify('a/b+c="canary"&d')]) {
    assert.equal(strip.text(`x ${text} y`, "text").includes("canary"), false, text);
  }
});

test("a plain value is not learned: taking it out of the page would falsify it", () => {
  const strip = stripper();
  strip.learn("csrf", "true");
  strip.learn("csrf", "12");
  strip.learnCookies("lang=english; theme=dark; n=123456789012345678");
  assert.equal(strip.text("it is true, 12 english dark 123456789012345678", "text"), "it is true, 12 english dark 123456789012345678");
});

test("a value that the mail format breaks over lines is found there too, and pictures are passed by untouched", () => {
  const strip = stripper();
  strip.learn("token", "canary=0123456789");
  const picture = "iVBORw0KGgoAAAANSUhEUg==\r\n";
  const mhtml = `Content-Type: multipart/related;\r\n\tboundary="--B"\r\n\r\n----B\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n`
    + `<p>can=\r\nary=3D0123=\r\n456789</p>\r\n----B\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nContent-Location: https://a.example/x.png\r\n\r\n${picture}\r\n----B--\r\n`;
  const found = changeMhtmlText(mhtml, (part) => strip.text(part, "urn:mhtml", { quotedPrintable: true }));
  assert.match(found, /<p>holdstill-redacted-[0-9a-f]{16}<\/p>/);
  assert.equal(found.includes(picture), true);
  assert.deepEqual(mhtmlPictures(mhtml), [{ url: "https://a.example/x.png", mime: "image/png", base64: "iVBORw0KGgoAAAANSUhEUg==" }]);
});

test("form tokens, meta tokens, passwords, script tokens and token links are found in markup, ordinary fields are not", () => {
  const found = findMarkupSecrets(`<META name='csrf-token' content=canary1><input type="hidden" value="canary&amp;2" name="authenticity_token">
    <input type=password value="canary3"><meta name="nonce" content="ordinary"><meta name="description" content="ordinary"><input name="q" value="ordinary">
    <script>{"accessToken":"canary44","title":"ordinary","csrf_token":"canary55"}</script><script>"{\\"session_id\\":\\"canary66\\"}"</script>
    <a href="/out?auth_token=canary7&amp;sid=canary8">x</a>`).map(({ value }) => value);
  assert.deepEqual(found.sort(), ["canary&2", "canary1", "canary3", "canary44", "canary55", "canary66", "canary7", "canary8"]);
});

test("the list of what was removed holds no secret itself", () => {
  const strip = stripper();
  const address = "https://a.example/?token=canary-0001";
  strip.headers([["Cookie", "x=canary-0001"], ["Referer", address]], `request ${address}`);
  strip.text("canary-0001", `body of ${address}`);
  assert.equal(JSON.stringify(strip.removed).includes("canary-0001"), false);
  assert.equal(strip.removed.length >= 3, true);
});

test("who chooses to keep secrets keeps them, and nothing is listed as removed", () => {
  const strip = stripper({ keep: true });
  assert.deepEqual(strip.headers([["Cookie", "a=b"]], "request"), [["Cookie", "a=b"]]);
  assert.equal(strip.url("https://a.example/?token=abcd", "address"), "https://a.example/?token=abcd");
  assert.deepEqual(strip.removed, []);
});

test("another capture's key gives another HMAC: two captures cannot be joined by it", () => {
  const other = new SecretStripper({ key: new Uint8Array(32).fill(8) });
  assert.notEqual(stripper().digest("value"), other.digest("value"));
});

const TOKEN = "s3cr3tTOKENvalue9876";
const marked = (html, ...shown) => {
  const strip = stripper();
  strip.show(...shown);
  for (const { name, value } of findMarkupSecrets(html)) strip.learnMarkup(name, value);
  return strip;
};

test("a page cannot name its own address, title or words a secret and have them erased", () => {
  const sentence = "Dr. X murdered his wife";
  for (const value of [sentence, "https://evil.example/lies", "evil.example", "http:", "/lies", "wife", "aaaaaaaaaaaaaaaaaaa1"]) {
    const strip = marked(`<input type="hidden" name="csrf" value="${value}">`);
    assert.equal(strip.url("https://evil.example/lies?id=1", "address"), "https://evil.example/lies?id=1", value);
    assert.equal(strip.text(`<p>${sentence}</p> aaaaaaaaaaaaaaaaaaa1`, "dom"), `<p>${sentence}</p> aaaaaaaaaaaaaaaaaaa1`, value);
  }
});

test("what looks like a token is kept when the page shows it, and in the path of any address", () => {
  const html = `<input type="hidden" name="csrf" value="article-2026-01-02">`;
  assert.equal(marked(html, "", "", "see article-2026-01-02").text("see article-2026-01-02", "dom"), "see article-2026-01-02");
  assert.equal(marked(html, "https://a.example/article%2D2026-01-02").text("article-2026-01-02", "dom"), "article-2026-01-02");
  const strip = marked(html);
  assert.equal(strip.url("https://a.example/article-2026-01-02/x", "address"), "https://a.example/article-2026-01-02/x");
  assert.equal(strip.url("https://a.example/?q=article-2026-01-02", "address").includes("article"), false);
});

test("secrets are taken out of JSON's texts: its syntax and its members' names stay whatever a page calls a secret", () => {
  for (const value of ['"resources":[', '","omitted"', "omitted", '":"', 'true,"', `"${TOKEN}":`, TOKEN]) {
    const strip = stripper();
    strip.learn("csrf", value);
    const account = { url: `https://a.example/?x=${TOKEN}`, resources: [{ exact: true, note: TOKEN, status: 200 }], omitted: [], [TOKEN]: null };
    const clean = JSON.parse(JSON.stringify(strip.leaves(account, "urn:pageinfo")));
    assert.deepEqual(Object.keys(clean), Object.keys(account), value);
    assert.deepEqual([clean.resources[0].exact, clean.resources[0].status], [true, 200]);
  }
});

test("a page of 32000 secrets is read in time that grows with its length, and what was not looked for is counted", () => {
  const pageOf = (size) => Array.from({ length: size }, (_, at) => `"csrf":"v${at.toString(36).padStart(6, "0")}k3y9q7z"\n`).join("");
  const html = pageOf(32000);
  const strip = marked(html);
  assert.equal(strip.text(html, "dom").match(/holdstill-redacted-/g).length, 500);
  assert.equal(strip.unlearned, 31500);
  assert.ok(growth(32000, (size) => {
    const [page, known] = [pageOf(size), marked(pageOf(size))];
    return () => known.text(page, "dom");
  }) < 10);
});

test("a page that repeats the beginnings of its secrets does not slow the search down", () => {
  const strip = stripper();
  for (let at = 0; at < 500; at += 1) strip.learnMarkup("csrf", `${"abcdef0123456789".repeat(60)}${at}x`);
  assert.ok(growth(16_000, (size) => {
    const text = "abcdef0123456789".repeat(size);
    return () => assert.equal(strip.text(text, "dom"), text);
  }) < 10);
});

for (const query of [`?next=${encodeURIComponent(`https://b.example/?access_token=${TOKEN}`)}`, `?next=${encodeURIComponent(`/x?next=${encodeURIComponent(`/y?sid=${TOKEN}`)}`)}`,
  `?next=https://b.example/?access_token=${TOKEN}`, `?user[password]=${TOKEN}`, `?auth%5Btoken%5D=${TOKEN}`, `#!token=${TOKEN}`, `#/cb/access_token=${TOKEN}`,
  `#state?access_token=${TOKEN}`, `?accessToken=${TOKEN}`, `?token_hash=${TOKEN}`, `?tokenId=${TOKEN}`, `?xtoken=${TOKEN}`, `?auth_code=${TOKEN}`, `?magic=${TOKEN}`,
  `?invite=${TOKEN}`, `?recovery=${TOKEN}`, `?password_reset_token=${TOKEN}`, `?otp=${TOKEN}`, `?X-Amz-Credential=${TOKEN}`]) {
  test(`an address loses the secret in ${query}`, () => {
    const clean = stripper().url(`https://a.example/${query}`, "address");
    assert.equal(decodeURIComponent(decodeURIComponent(clean)).includes(TOKEN), false, clean);
    assert.match(clean, /holdstill-redacted-/);
  });
}

for (const html of [`{"token":"${TOKEN}"}`, `{"jwt":"${TOKEN}"}`, `{"secret":"${TOKEN}"}`, `<script>window.__S={accessToken:"${TOKEN}"}</script>`, `<script>var csrfToken = "${TOKEN}"</script>`,
  `{"authorization":"Bearer ${TOKEN}"}`, `<div data-csrf="${TOKEN}"></div>`, `<div data-access-token=${TOKEN}></div>`, `{"access_token": "a\\u002f${TOKEN}"}`,
  `<input type=hidden name="user[token]" value="${TOKEN}">`, `<meta name=csrf-token content=${TOKEN}>`, `<script>fetch("/x",{headers:{"X-CSRF-Token":"${TOKEN}"}})</script>`,
  `<div data-state="{&quot;sessionId&quot;:&quot;${TOKEN}&quot;}"></div>`]) {
  test(`markup loses the secret in ${html}`, () => assert.equal(marked(html).text(html, "dom").includes(TOKEN), false));
}

test("a learned value is found percent-encoded in either case and twice, in escapes and in character references", () => {
  const value = "abc/DEF+0123456789==/x";
  const each = (make) => value.replace(/[/+=]/g, (char) => make(char.charCodeAt(0).toString(16), char.charCodeAt(0)));
  for (const text of [value, encodeURIComponent(value), each((code) => `%${code}`), encodeURIComponent(encodeURIComponent(value)), each((code) => `\\u00${code}`),
    each((code) => `\\x${code}`), each((code) => `&#x${code.toUpperCase()};`), each((_code, number) => `&#${number};`), value.replaceAll("/", "&sol;"), value.replaceAll("/", "\\/")]) {
    const strip = stripper();
    strip.learnCookie("sid", value);
    assert.match(strip.text(`x${text}y`, "dom"), /^xholdstill-redacted-[0-9a-f]{16}y$/, text);
  }
});

test("headers that carry a site's own credentials are removed by name", () => {
  for (const name of ["X-WP-Nonce", "DPoP", "Cf-Access-Jwt-Assertion", "X-IG-WWW-Claim", "X-Amz-Security-Token"]) {
    assert.equal(stripper().headers([[name, TOKEN]], "request")[0][0], "X-Holdstill-Redacted", name);
  }
  assert.deepEqual(stripper().headers([["Content-Security-Policy", "default-src 'self'"]], "response")[0][0], "Content-Security-Policy");
});

for (const [name, part] of Object.entries({ "open quotes": '<input "', backslashes: "\\\\\\\\\\\\\\\\", "one long word": "aaaaaaaa" })) {
  test(`a page of ${name} cannot freeze the search for secrets`, () => {
    assert.ok(growth(75_000, (size) => {
      const html = `a="${part.repeat(size)}`;
      return () => findMarkupSecrets(html);
    }) < 10);
  });
}
