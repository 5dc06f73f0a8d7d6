import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCsv, writeCsv } from "../../../extension/batch/csv.js";
import { MAX_ENTRIES, parseList } from "../../../extension/batch/list.js";
import { growth } from "../capture/growth.mjs";

const urls = (text) => parseList(text).entries.map(({ url }) => url);

test("one address a line: remarks and empty lines are left out, lines are counted as the person sees them", () => {
  const list = parseList("\uFEFF# accounts\r\n\r\nhttps://a.test/1\r\n  http://b.test/2  \r\n");
  assert.deepEqual(list.entries, [{ url: "https://a.test/1", line: 3 }, { url: "http://b.test/2", line: 4 }]);
  assert.deepEqual(list.errors, []);
});

test("the same address twice is one entry, however it is written; a fragment makes another", () => {
  const list = parseList("https://A.test\nhttps://a.test/\nhttps://a.test/#x\nHTTPS://a.test:443/");
  assert.deepEqual(list.entries.map(({ line }) => line), [1, 3]);
  assert.deepEqual(list.duplicates, [{ line: 2, of: 1 }, { line: 4, of: 1 }]);
});

test("what is no web address is named with its line, and the others are kept", () => {
  const list = parseList("ftp://a.test/\njavascript:alert(1)\nnot an address\nhttps://\nhttps://me:secret@a.test/\nfile:///etc/passwd\nhttps://good.test/");
  assert.deepEqual(list.errors.map(({ line, code }) => [line, code]), [[1, "scheme"], [2, "scheme"], [3, "scheme"], [4, "address"], [5, "login"], [6, "scheme"]]);
  assert.deepEqual(list.entries, [{ url: "https://good.test/", line: 7 }]);
});

test("a table: the column by its heading, quoted cells with delimiters and line ends in them", () => {
  assert.deepEqual(parseList('name,URL,note\n"Quay, ""the"" bird",https://a.test/1,x\n"two\nlines",https://a.test/2?a=1,y\n').entries,
    [{ url: "https://a.test/1", line: 2 }, { url: "https://a.test/2?a=1", line: 3 }]);
});

test("a table without a known heading: the column with the most addresses; semicolons and tabs too", () => {
  assert.deepEqual(urls("who;where\nA;https://a.test/\nB;https://b.test/"), ["https://a.test/", "https://b.test/"]);
  assert.deepEqual(urls("A\thttps://a.test/\nB\thttps://b.test/"), ["https://a.test/", "https://b.test/"]);
});

test("addresses that hold commas and semicolons are not taken apart", () => {
  assert.deepEqual(urls("https://a.test/@50.1,20.2\nhttps://a.test/x;y=1"), ["https://a.test/@50.1,20.2", "https://a.test/x;y=1"]);
});

test("a list ends at its limit, and says at which line", () => {
  const text = Array.from({ length: MAX_ENTRIES + 3 }, (_none, at) => `https://a.test/${at}`).join("\n");
  const list = parseList(text);
  assert.equal(list.entries.length, MAX_ENTRIES);
  assert.deepEqual(list.errors.map(({ line, code }) => [line, code]), [[MAX_ENTRIES + 1, "too_many"]]);
});

test("any text gives a list, for no more work than its length", () => {
  for (const text of ["", "\n\n", '"', '"""', ",,,", "\u0000", `"${"a".repeat(200_000)}`, "https://a.test/".repeat(2000)]) assert.ok(Array.isArray(parseList(text).entries));
  for (const part of ["a", "https://a.test/", '"', ",", "\n"]) {
    assert.ok(growth(100_000, (size) => {
      const text = `"${part.repeat(size)}`;
      return () => parseList(text);
    }) < 10, part);
  }
});

test("what is written is read back, and no cell begins as a formula", () => {
  const evil = ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "＝1", 'say "hi", you\nthere', "plain"];
  const text = writeCsv([evil, [1, -2, null]]);
  const [row, numbers] = parseCsv(text.slice(1), ",");
  assert.ok(text.startsWith("\uFEFF"));
  assert.deepEqual(row.cells.slice(0, 8).map((cell) => cell[0]), Array(8).fill("'"));
  assert.deepEqual(row.cells.slice(8), ['say "hi", you\nthere', "plain"]);
  assert.deepEqual(numbers.cells, ["1", "-2", ""]);
});
