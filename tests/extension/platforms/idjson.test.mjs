import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJsonText } from "../../../extension/capture/platforms/idjson.js";
import { LIMITS } from "../../../extension/capture/platforms/limits.js";
import { pick, random, someJson } from "./junk.mjs";

const valuesOf = (text) => parseJsonText(text).values;

test("a 19-digit id stays the id it was, in every place a number can stand", () => {
  const [value] = valuesOf('{"id":1735765521595875777,"list":[-9007199254740993, 7612217134371556629 ],"deep":{"a":{"id":9007199254740992}}}');
  assert.deepEqual(value, { id: "1735765521595875777", list: ["-9007199254740993", "7612217134371556629"], deep: { a: { id: "9007199254740992" } } });
});

test("numbers that a number can hold stay numbers, and digits inside texts are left alone", () => {
  const [value] = valuesOf('{"a":9007199254740991,"b":-0.5e3,"c":1234567890123456.5,"s":"\\"1735765521595875777\\\\","t":"[1735765521595875777]"}');
  assert.deepEqual(value, { a: 9007199254740991, b: -500, c: 1234567890123456.5, s: '"1735765521595875777\\', t: "[1735765521595875777]" });
});

test("what JSON.parse reads without long integers is read the same", () => {
  const next = random(11);
  for (let round = 0; round < 400; round += 1) {
    const text = JSON.stringify([someJson(next, 5)], null, round % 3);
    assert.deepEqual(valuesOf(text), [JSON.parse(text)], text);
  }
});

test("guards, assignments and one answer per line are read", () => {
  assert.deepEqual(valuesOf('for (;;);{"a":1}'), [{ a: 1 }]);
  assert.deepEqual(valuesOf(")]}'\n[1]"), [[1]]);
  assert.deepEqual(valuesOf('window.__STATE__ = {"a":"};"}; other();'), [{ a: "};" }]);
  assert.deepEqual(valuesOf('window["__STATE__"]={"a":1};'), [{ a: 1 }]);
  assert.deepEqual(valuesOf('{"a":1}\r\n{"id":1735765521595875777}\n'), [{ a: 1 }, { id: "1735765521595875777" }]);
});

test("what is nested too deeply is left out and said so, without a stack overflow", () => {
  const found = parseJsonText(`{"kept":1,"deep":${"[".repeat(200_000)}1735765521595875777${"]".repeat(200_000)},"after":{"id":1735765521595875777}}`);
  assert.equal(found.values[0].kept, 1);
  assert.deepEqual(found.values[0].after, { id: "1735765521595875777" });
  assert.match(found.problems.join(), /nested deeper than 64/);
  let depth = 0;
  for (let here = found.values[0].deep; Array.isArray(here); [here] = here) depth += 1;
  assert.equal(depth, LIMITS.depth - 1);
});

test("a text over the limit is not read", () => {
  const found = parseJsonText(`["${"x".repeat(LIMITS.textChars)}"]`);
  assert.deepEqual(found.values, []);
  assert.equal(found.problems.length, 1);
});

test("any text gives values or a problem, never an error", () => {
  const next = random(12);
  for (let round = 0; round < 3000; round += 1) {
    const text = Array.from({ length: 1 + Math.floor(next() * 40) }, () => pick(next, ["{", "}", "[", "]", '"', "\\", ":", ",", "1", "-", "1735765521595875777", "e", ".", "null", "a", " ", "\n", "\u2028", "\ud800", ";", "="])).join("");
    const { values, problems } = parseJsonText(text);
    assert.ok(values.length > 0 || problems.length > 0, JSON.stringify(text));
  }
});

test("a member named __proto__ changes no other object", () => {
  const [value] = valuesOf('{"__proto__":{"legacy":1},"id":1735765521595875777}');
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.equal({}.legacy, undefined);
});
