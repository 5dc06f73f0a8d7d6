// A second load in Firefox is told as one from the moment the browser was told to make it, and what was kept for it alone goes with its capture.
import assert from "node:assert/strict";
import { test } from "node:test";
import { captureReloaded, loadAgain } from "../../../extension/capture/firefox/reloaded.js";

const LIMITS = { begin: 250, load: 250 };
const hop = (key, method = "GET") => ({ key, id: key, tabId: 1, frameId: 0, type: "main_frame", method, redirectTo: null, lastAt: 0 });

/** @param {(stream: any) => void} onReload what the browser does when it is told to load the page again */
async function load(onReload, { tab = {}, known = [hop("old")] } = {}) {
  const asked = [];
  const stream = { state: { exchanges: [...known] }, now: Date.now, requestsOf: async () => known, isRefused: false,
    arm: () => Object.assign(() => {}, { refused: () => stream.isRefused }) };
  const tell = (name) => async () => {
    asked.push(name);
    onReload(stream);
  };
  globalThis.chrome = { tabs: { reload: tell("reload"), update: tell("update"), get: async () => ({ status: "complete" }) } };
  return { ...await loadAgain({ url: "https://a.example/", incognito: false, ...tab }, 1, stream, LIMITS), asked };
}

test("a private window is not loaded again: nothing of that load would be kept", async () => {
  const { refusal, asked } = await load(() => {}, { tab: { incognito: true } });
  assert.match(refusal, /private window/);
  assert.deepEqual(asked, []);
});

test("a load that was not seen to begin is said to be in doubt, never as seen", async () => {
  const { refusal, notes, asked } = await load(() => {});
  assert.deepEqual([refusal, notes, asked], ["", ["the browser was not seen to begin the second load"], ["reload"]]);
});

test("an error after the browser was told leaves it a second load", async () => {
  const { refusal, notes } = await load(() => {
    throw new Error("the tab is busy");
  }, { known: [] });
  assert.deepEqual([refusal, notes], ["", ["the second load was not followed to its end: the tab is busy"]]);
});

test("a form that the new page sends by itself does not make it the first load again", async () => {
  const { refusal, notes } = await load((stream) => {
    stream.state.exchanges.push(hop("new"), hop("form", "POST"));
    stream.isRefused = true;
  });
  assert.equal(refusal, "");
  assert.match(notes.join(), /about to send a form/);
});

test("a page that would be asked for by a form again was not loaded", async () => {
  assert.match((await load((stream) => stream.state.exchanges.push(hop("new", "POST")))).refusal, /another method than GET/);
  const { refusal, asked } = await load(() => {}, { known: [hop("old", "POST")] });
  assert.match(refusal, /asked for with POST/);
  assert.deepEqual(asked, []);
});

test("what was kept for a second load without consent goes with its capture, even one that fails", async () => {
  const forgotten = [];
  for (const isWanted of [false, true]) {
    const stream = { observes: async () => isWanted, forget: (tabId) => forgotten.push([tabId, isWanted]), state: { exchanges: [] }, requestsOf: async () => [] };
    const tab = { id: 1, url: "https://a.example/", incognito: true };
    await assert.rejects(captureReloaded(tab, { viewport: { facts: { url: tab.url } }, passive: stream })); // its shot has no time: nothing can be opened
  }
  assert.deepEqual(forgotten, [[1, false]]);
});
