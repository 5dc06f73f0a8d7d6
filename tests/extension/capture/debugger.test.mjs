// A tab that is closed: its commands fail before the browser says why, or without that ever being heard. The capture says it all the same.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { TabDebugger } from "../../../extension/capture/debugger.js";

const TAB_ID = 7;
const GONE = "Debugger is not attached to the tab with id: 7.";
let detached, heard;

beforeEach(() => {
  [detached, heard] = [[], new Set()];
  const event = { addListener: () => {}, removeListener: () => {} };
  const onDetach = { addListener: (listener) => heard.add(listener), removeListener: (listener) => heard.delete(listener) };
  globalThis.chrome = { debugger: { onEvent: event, onDetach, attach: async () => {}, sendCommand: async () => { throw new Error("Detached while handling command."); },
    detach: async ({ tabId }) => void detached.push(tabId) } };
});

/** @param {string} reason */
function tellDetached(reason) {
  for (const listener of [...heard]) listener({ tabId: TAB_ID }, reason);
}

test("a session that is detached was not lost, and is listened to no more", async () => {
  const tab = await TabDebugger.attach(TAB_ID);
  await tab.detach();
  assert.deepEqual([tab.lost, detached, heard.size], [null, [TAB_ID], 0]);
});

test("a session that ended is lost for the browser's reason, though that comes after the commands failed", async () => {
  const tab = await TabDebugger.attach(TAB_ID);
  chrome.debugger.detach = async () => {
    setTimeout(() => tellDetached("target_closed"), 20);
    throw new Error(GONE);
  };
  await assert.rejects(tab.send(tab.root, "Page.captureScreenshot"), /Detached while handling/);
  await tab.detach();
  assert.deepEqual([tab.lost?.reason, heard.size], ["target_closed", 0]);
});

test("a session that ended without a word is lost, and the reason is the answer that nothing is attached", async () => {
  const tab = await TabDebugger.attach(TAB_ID);
  chrome.debugger.detach = async () => { throw new Error(GONE); };
  await tab.detach();
  assert.deepEqual([tab.lost?.reason, heard.size], [GONE, 0]);
});

test("a session of which the end was heard is not detached again", async () => {
  const tab = await TabDebugger.attach(TAB_ID);
  tellDetached("canceled_by_user");
  await tab.detach();
  assert.deepEqual([tab.lost?.reason, detached], ["canceled_by_user", []]);
});
