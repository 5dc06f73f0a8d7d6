import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Hold } from "../../../extension/ui/hold.js";

let beats, held, given, page;
const real = globalThis.setInterval;

beforeEach(() => {
  [beats, held, given] = [[], new Set(), 0];
  page = Object.assign(new EventTarget(), { visibilityState: "visible" });
  globalThis.setInterval = (beat) => beats.push(beat);
});
afterEach(() => { globalThis.setInterval = real; });

const locks = { request: async (name, { mode }, work) => {
  assert.equal(mode, "shared", "another popup of the tab may hold as well");
  held.add(name);
  given += 1;
  await work();
  held.delete(name);
} };
const turn = () => new Promise((resolve) => { setImmediate(resolve); });

test("while a part of the form stands open the page has the lock, and has it no longer when it is closed or the person is done", async () => {
  let [isOpen, renewed] = [false, 0];
  const hold = new Hold({ isWanted: () => isOpen, renew: () => { renewed += 1; }, lock: "form", locks, page });
  hold.check("r");
  assert.deepEqual([held.size, renewed], [0, 0]);
  isOpen = true;
  hold.check();
  for (const beat of beats) beat();
  assert.deepEqual([[...held], given, renewed], [["form"], 1, 2]);
  hold.release();
  await turn();
  assert.deepEqual([held.size, hold.isOn], [0, false]);
  hold.reset();
  assert.deepEqual([[...held], given], [["form"], 2]);
  isOpen = false;
  hold.check();
  await turn();
  assert.equal(held.size, 0);
});

test("a page that nobody looks at holds nothing, and holds again when it is looked at", async () => {
  let renewed = 0;
  const hold = new Hold({ isWanted: () => true, renew: () => { renewed += 1; }, lock: "form", locks, page });
  const turnTo = async (state) => {
    page.visibilityState = state;
    page.dispatchEvent(new Event("visibilitychange"));
    await turn();
  };
  hold.check("r");
  assert.deepEqual([held.size, renewed], [1, 1]);
  await turnTo("hidden");
  for (const beat of beats) beat();
  assert.deepEqual([held.size, renewed, hold.isOn], [0, 1, false]);
  await turnTo("visible");
  assert.deepEqual([[...held], given, renewed], [["form"], 2, 2]);
});

test("a lock that is not to be had leaves the clock", () => {
  let renewed = 0;
  const hold = new Hold({ isWanted: () => true, renew: () => { renewed += 1; }, lock: "form", locks: { request: async () => { throw new Error("no locks here"); } }, page });
  hold.check("r");
  assert.equal(renewed, 1);
});
