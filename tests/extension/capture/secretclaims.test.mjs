// What a page may not have erased by calling it a secret, and in which further coats a secret is found.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { learnBody, learnText } from "../../../extension/capture/secrets/learn.js";
import { findMarkupSecrets, findScriptSecrets } from "../../../extension/capture/secrets/markup.js";
import { isDrawnByLot } from "../../../extension/capture/secrets/names.js";
import { SecretStripper } from "../../../extension/capture/secrets/stripper.js";
import { growth } from "./growth.mjs";

const TOKEN = "s3cr3tTOKENvalue9876";
const stripper = () => new SecretStripper({ key: new Uint8Array(32) });
const PAGE = "<p>Smith sold the ferry. 12 ferries-and-boats were sold at 7pm.</p>";

for (const [how, name] of Object.entries({ url: "an address", cookie: "a cookie", header: "a header it sends", posted: "what it posts", json: "an answer" })) {
  for (const value of ["Smith", "12 ferries-and-boats were sold", "sold the ferry"]) {
    test(`a page cannot erase “${value}” from itself by putting it into ${name}, whenever that is read`, () => {
      const learn = (strip) => ({
        url: () => strip.url(`https://a.example/?token=${value}`, "address"),
        cookie: () => strip.learnCookies(`session=${value}`),
        header: () => strip.learnHeader("Authorization", `Bearer ${value}`),
        posted: () => learnText(strip, JSON.stringify({ password: value }), { isSent: true }),
        json: () => learnText(strip, JSON.stringify({ access_token: value })),
      })[how]();
      for (const order of [["learn", "show"], ["show", "learn"]]) {
        const strip = stripper();
        for (const step of order) step === "learn" ? learn(strip) : strip.show(PAGE);
        assert.equal(strip.text(PAGE, "dom"), PAGE, order.join(", then "));
      }
    });
  }
}

test("a session that the page shows is taken out all the same, if it is drawn by lot", () => {
  const strip = stripper();
  strip.learnCookies(`sid=${TOKEN}`);
  strip.show(`debug: ${TOKEN}`);
  assert.equal(strip.text(`debug: ${TOKEN}`, "dom").includes(TOKEN), false);
});

test("a secret is found inside base64, wherever it begins there, and in both alphabets", () => {
  const value = "c00k?e>~~7f21~a?b>9d0";
  for (const before of ["", "x", "xy", "xyz", "user=1;sid="]) {
    for (const coding of ["base64", "base64url"]) {
      const strip = stripper();
      strip.learn("cookie", value);
      const clean = strip.text(`[${Buffer.from(`${before}${value};z`).toString(coding)}]`, "dom");
      const left = Buffer.from(clean.replace(/holdstill-redacted-[0-9a-f]{16}/, "").slice(1, -1), coding).toString("latin1");
      assert.match(clean, /holdstill-redacted-/, `${before} ${coding}`);
      assert.equal(left.includes(value.slice(2, -2)), false);
    }
  }
});

test("a login's password is taken out of the request's header, and wherever else it stands", () => {
  const strip = stripper();
  strip.learnHeader("Authorization", `Basic ${Buffer.from("reader:pa55word-9c1d4").toString("base64")}`);
  assert.equal(strip.text('btoa("reader:pa55word-9c1d4")', "body").includes("pa55word"), false);
});

test("a web token is known by its shape, wherever it stands", () => {
  const token = `eyJhbGciOiJIUzI1NiJ9.${Buffer.from('{"sub":"1234567890"}').toString("base64url")}.c2lnbmF0dXJlLW9mLWE`;
  const strip = stripper();
  assert.match(strip.url(`https://a.example/verify/${token}?a=1`, "address"), /^https:\/\/a\.example\/verify\/holdstill-redacted-[0-9a-f]{16}\?a=1$/);
  assert.equal(strip.text(`<p>${token}</p>`, "dom").includes("eyJ"), false);
  assert.equal(findMarkupSecrets(`x ${token} y`)[0].value, token);
});

test("a path loses what follows the name of a credential, if it is plainly drawn by lot, and nothing else", () => {
  const drawn = "cN48c5f6a7cdabbQz700ad5d3X16";
  assert.match(stripper().url(`https://a.example/reset-password/token/${drawn}/x`, "address"), /\/reset-password\/token\/holdstill-redacted-[0-9a-f]{16}\/x$/);
  for (const path of ["/token/the-2024-election-was-sold-to-2-men", "/session/2026-03-12-minutes", "/secret/oauth2AccessTokenStorage", `/photo/${drawn}`, "/reset/12345678901234567890"]) {
    assert.equal(stripper().url(`https://a.example${path}`, "address"), `https://a.example${path}`);
  }
});

test("a parameter of the path ends where the query begins", () => {
  assert.match(stripper().url(`https://a.example/p;jsessionid=${TOKEN}?tab=posts&page=2`, "address"), /^https:\/\/a\.example\/p;jsessionid=holdstill-redacted-[0-9a-f]{16}\?tab=posts&page=2$/);
});

test("names and words of programs are not drawn by lot, tokens are", () => {
  for (const value of ["oauth2AccessTokenStorageKey", "X-Requested-With-2", "sha256WithRSAEncryption", "article-2026-01-02", "urn:ietf:params:oauth2", "accessTokenExpiredError"]) assert.equal(isDrawnByLot(value), false, value);
  for (const value of ["9f86d081884c7d659a2feaa0c55ad015", "4f1c2a9b7e30d586aa17c4e9", "cN48c5f6a7cdabbQz700ad5d3X16", "550e8400-e29b-41d4-a716-446655440000"]) assert.equal(isDrawnByLot(value), true, value);
});

test("a library's text keeps every byte, a token in a site's program is taken out", () => {
  const library = `const tokenKey="oauth2AccessTokenStorageKey",csrfTokenHeaderName='X-CSRF-Token-Header1';a.set("authorization-token","application/json2");b.secretLabel="please-enter-2-words"`;
  assert.deepEqual(findScriptSecrets(library), []);
  const strip = stripper();
  learnBody(strip, `client.setHeader("X-Auth-Token", "9f86d081884c7d659a2feaa0c55ad015"); /* session_token=4f1c2a9b7e30d586aa17c4e9 */ open("/s?a=1&auth_token=cN48c5f6a7cdabbQz700ad5d3X16")`, "text/javascript");
  assert.deepEqual([...strip.known.keys()].sort(), ["4f1c2a9b7e30d586aa17c4e9", "9f86d081884c7d659a2feaa0c55ad015", "cN48c5f6a7cdabbQz700ad5d3X16"]);
});

test("a field of a form that was sent with files, and an address inside an address inside an address", () => {
  const strip = stripper();
  learnText(strip, `------x\r\nContent-Disposition: form-data; name="session_token"\r\n\r\n${TOKEN}\r\n------x--`, { isSent: true });
  assert.equal(strip.text(TOKEN, "body").includes(TOKEN), false);
  assert.deepEqual(findMarkupSecrets(`/out?next=%252Fcb%253Ftoken%253D${TOKEN}`).map(({ value }) => value), [TOKEN]);
});

for (const part of ["/token/", "a:", "%3Fa%3D", "eyJaaaaaaaa.", "set('a','", "token=a1"]) {
  test(`a page of “${part}” cannot slow the search down`, () => {
    assert.ok(growth(20_000, (size) => {
      const text = part.repeat(size);
      return () => findMarkupSecrets(text);
    }) < 10);
  });
}

for (const value of ["evil_account99", "vaccine-kills-1000-kids", "TheRealNews2024", "%65vil_account99"]) {
  const word = decodeURIComponent(value);
  for (const order of [["learn", "show"], ["show", "learn"]]) {
    test(`a picture at /x?token=${value} cannot erase the page's address and handle, ${order.join(", then ")}`, () => {
      const strip = stripper();
      for (const step of order) {
        if (step === "show") strip.show(`https://social.example/${word}/post/1`, "", `Post by ${word}`);
        else assert.equal(strip.url(`https://social.example/pixel.gif?token=${value}`, "address").includes(value), false);
      }
      for (const address of [`https://social.example/${word}`, `https://social.example/${word}/post/2`]) assert.equal(strip.url(address, "address"), address);
      assert.equal(strip.text(`<b>Post by ${word}</b>`, "dom"), `<b>Post by ${word}</b>`);
    });

    test(`a cookie, a header and a field called ${value} cannot erase it from the page's own address, ${order.join(", then ")}`, () => {
      const strip = stripper();
      for (const step of order) {
        if (step === "show") strip.show(`https://social.example/${word}`, "", "");
        else {
          strip.learnCookies(`session=${value}`);
          strip.learnHeader("X-Auth-Token", value);
          learnText(strip, `password=${value}`, { isSent: true });
        }
      }
      assert.equal(strip.url(`https://social.example/${word}`, "address"), `https://social.example/${word}`);
    });
  }
}

test("a token of words in the page's own address is taken out of the page all the same, where the page does not show it", () => {
  const strip = stripper();
  const address = "https://a.example/in?access_token=MyLongToken2024xyz";
  strip.show(address, "In", "Welcome");
  strip.url(address, "address");
  assert.equal(strip.text('<a href="/out#MyLongToken2024xyz">', "dom").includes("MyLongToken"), false);
});

test("a password of words is taken out where the page echoes it", () => {
  const strip = stripper();
  learnText(strip, "heslo=MyRealPassword99", { isSent: true });
  strip.show("https://a.example/", "In", "Your password: MyRealPassword99");
  assert.equal(strip.text("Your password: MyRealPassword99", "dom").includes("MyReal"), false);
});

test("a secret that almost stands everywhere in a text cannot slow the search down", () => {
  for (const [secret, part] of [[`${"a".repeat(8000)}b1`, "a"], [`a1b2c3d4${"a".repeat(4000)}`, "a1b2c3d4a"], [`${"x7Yq9Zr2".repeat(500)}!`, "x7Yq9Zr2"], [`${"%41".repeat(1000)}b1`, "%41"]]) {
    assert.ok(growth(64_000, (size) => {
      const strip = stripper();
      strip.learn("token", secret);
      strip.learn("token", `${secret.slice(1)}2`);
      strip.text("x", "built");
      const text = part.repeat(Math.ceil(size / part.length));
      const steps = strip.text(text.slice(0, 100), "x");
      return () => assert.equal(strip.text(text, "dom").length >= steps.length, true);
    }) < 10);
  }
});

test("a text that repeats what a secret almost says costs about as much as any other", () => {
  const cost = (secret) => growth(8000, (size) => {
    const strip = stripper();
    strip.learn("token", secret.repeat(size) + "b1");
    const text = "a".repeat(size * 8);
    return () => strip.text(text, "dom");
  });
  assert.ok(cost("a") < 10, "the secret and the text grow together");
});

test("a page of the beginnings of web tokens cannot slow the search down", () => {
  assert.ok(growth(100_000, (size) => {
    const text = "-eyJ".repeat(size);
    return () => stripper().text(text, "dom");
  }) < 10);
});

test("secrets that overlap are taken out to the last character, those that were learned later too", () => {
  const strip = stripper();
  const [whole, start, middle] = ["a1B2c3D4e5F6g7H8", "x9Y8a1B2c3D4", "3D4e5F6g7H8z9Q0w"];
  for (const value of [whole, start, middle]) {
    strip.learn("token", value);
    assert.equal(strip.text(`-${value}-`, "x").replace(/holdstill-redacted-[0-9a-f]{16}/g, "*"), "-*-", value);
  }
  assert.equal(strip.text("-x9Y8a1B2c3D4e5F6g7H8z9Q0w-", "x").replace(/holdstill-redacted-[0-9a-f]{16}/g, "*").replace(/\*+/, "*"), "-*-");
});

test("a secret that holds what reads as an escape is found as it stands and written anew", () => {
  const value = 'p4"x%2Fy7Kq\\2';
  const strip = stripper();
  learnText(strip, JSON.stringify({ heslo: value }), { isSent: true });
  for (const text of [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), value.replaceAll("&", "&amp;").replaceAll('"', "&quot;")]) {
    assert.match(strip.text(`[${text}]`, "x"), /^\[holdstill-redacted-[0-9a-f]{16}\]$/, text);
  }
});
