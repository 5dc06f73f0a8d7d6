import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { missedParts } from "../../../extension/ui/missed.js";
import { fitBox, movedBox } from "../../../extension/ui/regionpicker.js";

const SIZE = { width: 1280, height: 720 };
const BOX = { x: 100, y: 100, width: 200, height: 50 };

test("a marked area stays inside the picture and is never empty", () => {
  assert.deepEqual(fitBox({ x: -5, y: 700.4, width: 0, height: 50 }, SIZE), { x: 0, y: 670, width: 1, height: 50 });
  assert.deepEqual(fitBox({ x: 0, y: 0, width: 5000, height: 5000 }, SIZE), { x: 0, y: 0, width: 1280, height: 720 });
});

test("the area moves and grows by keys; other keys are left alone", () => {
  const key = (name, more = {}) => movedBox(BOX, { key: name, shiftKey: false, altKey: false, ...more });
  assert.deepEqual(key("ArrowLeft"), { ...BOX, x: 90 });
  assert.deepEqual(key("ArrowDown", { altKey: true }), { ...BOX, y: 101 });
  assert.deepEqual(key("ArrowRight", { shiftKey: true }), { ...BOX, width: 210 });
  assert.equal(key("Tab"), null);
});

test("what was missed is said once, and a step this version does not know is named as it is", () => {
  const summary = { captured: 1, omitted: 0, failedSteps: ["read bodies", "block re-fetch of style sheets", "polish the brass"] };
  assert.deepEqual(missedParts(summary), [{ code: "bodies" }, { name: "polish the brass" }]);
});

test("no browser brings back over a reload what a page begins with disabled", () => {
  const mayStay = new Set(["server-url", "pairing-code", "device-label"]); // what was typed to pair; the button waits all the same
  for (const name of ["popup", "batch", "options"]) {
    const html = readFileSync(new URL(`../../../extension/ui/${name}.html`, import.meta.url), "utf8");
    const disabled = [...html.matchAll(/<(?:input|textarea|select|button)\b[^>]*\sdisabled\b[^>]*>/g)].map(([tag]) => tag);
    assert.ok(disabled.length > 0, name);
    for (const tag of disabled) assert.ok(mayStay.has(/id="([^"]*)"/.exec(tag)?.[1]) || tag.includes(' autocomplete="off"'), tag);
  }
});
