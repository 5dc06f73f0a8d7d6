// A recording cannot be made again: it is its tab's until a capture of it is durable, and one that did not begin is none.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { captureRecorded } from "../../../extension/capture/recorded/capture.js";
import { Recordings } from "../../../extension/capture/recorded/tabs.js";

class Directory {
  entries = new Map();
  async getDirectoryHandle(name, { create = false } = {}) {
    if (!this.entries.has(name) && !create) throw new DOMException(name, "NotFoundError");
    if (!this.entries.has(name)) this.entries.set(name, new Directory());
    return this.entries.get(name);
  }
  async getFileHandle(name, { create = false } = {}) {
    if (!this.entries.has(name) && !create) throw new DOMException(name, "NotFoundError");
    if (!this.entries.has(name)) this.entries.set(name, new Blob([]));
    return { getFile: async () => this.entries.get(name), createWritable: async () => {
      const parts = [];
      return { write: async (data) => void parts.push(data), close: async () => void this.entries.set(name, new Blob(parts)) };
    } };
  }
  async removeEntry(name) {
    this.entries.delete(name);
  }
}

class Area {
  kept = new Map();
  async get(key) {
    return this.kept.has(key) ? { [key]: structuredClone(this.kept.get(key)) } : {};
  }
  async set(items) {
    for (const [key, value] of Object.entries(items)) this.kept.set(key, structuredClone(value));
  }
  async remove(key) {
    this.kept.delete(key);
  }
}

const TAB = { id: 7, url: "https://a.test/" };
let disk, attached, refused, recordings;
const folders = () => [...(disk.entries.get("captures")?.entries.keys() ?? [])];

beforeEach(() => {
  [disk, attached, refused] = [new Directory(), new Set(), null];
  const event = { addListener: () => {}, removeListener: () => {} };
  if (globalThis.navigator === undefined) globalThis.navigator = {}; // Node 20
  Object.defineProperty(navigator, "storage", { configurable: true, value: { getDirectory: async () => disk } });
  globalThis.chrome = {
    action: { setBadgeBackgroundColor: async () => {}, setBadgeText: async () => {} },
    debugger: { onEvent: event, onDetach: event, attach: async ({ tabId }) => void attached.add(tabId), detach: async ({ tabId }) => void attached.delete(tabId),
      sendCommand: async (_target, method) => {
        if (method === refused) throw new Error("refused");
        return {};
      } },
  };
  recordings = new Recordings({ area: new Area() });
});

afterEach(async () => {
  for (const { journal } of recordings.live.values()) await journal.close();
});

test("a capture that fails gives the recording back to its tab, as PARTIAL, with its folder", async () => {
  await recordings.arm(TAB.id);
  await assert.rejects(captureRecorded(TAB, { viewport: { facts: {} } }, recordings));
  const facts = await recordings.read(TAB.id);
  assert.match(facts.endedBy, /did not come to its end/);
  assert.ok(folders().includes(facts.folder));
  const again = await recordings.take(TAB.id);
  assert.deepEqual([again.facts.folder, again.facts.endedBy], [facts.folder, facts.endedBy]);
});

test("a recording is thrown away when what was made of it is durable, not before", async () => {
  const { folder } = await recordings.arm(TAB.id);
  const recording = await recordings.take(TAB.id);
  assert.deepEqual([recording.facts.endedBy, attached.size, folders()], [null, 0, [folder]]);
  assert.equal(await recordings.take(TAB.id), null, "one capture of it at a time");
  await recordings.release(recording, true);
  assert.deepEqual([await recordings.read(TAB.id), folders()], [null, []]);
});

test("a worker that dies in a capture of a recording leaves it to the next one", async () => {
  const { folder } = await recordings.arm(TAB.id);
  await recordings.take(TAB.id);
  const next = new Recordings({ area: recordings.area });
  const recording = await next.take(TAB.id);
  assert.equal(recording.facts.folder, folder);
  assert.notEqual(recording.facts.endedBy, null);
});

test("a tab that is closed or armed anew does not take the files from under a capture of its recording", async () => {
  const first = await recordings.arm(TAB.id);
  const recording = await recordings.take(TAB.id);
  const second = await recordings.arm(TAB.id);
  assert.notEqual(second.folder, first.folder);
  assert.deepEqual(folders(), [first.folder, second.folder]);
  await recordings.release(recording, false);
  assert.deepEqual([folders(), (await recordings.read(TAB.id)).endedBy], [[second.folder], null]);
  const other = await recordings.take(TAB.id);
  await recordings.discard(TAB.id);
  assert.deepEqual(folders(), [second.folder]);
  await recordings.release(other, true);
  assert.deepEqual(folders(), []);
});

test("a recording that could not begin is none: no debugger, no folder, and the next capture is not called recorded", async () => {
  refused = "Fetch.enable";
  await assert.rejects(recordings.arm(TAB.id), /refused/);
  assert.deepEqual([recordings.live.size, attached.size, folders(), await recordings.read(TAB.id), await recordings.take(TAB.id)], [0, 0, [], null, null]);
  refused = null;
  recordings.area.set = async () => {
    throw new DOMException("full", "QuotaExceededError");
  };
  await assert.rejects(recordings.arm(TAB.id), /full/);
  assert.deepEqual([recordings.live.size, attached.size, folders()], [0, 0, []]);
  chrome.debugger.attach = async () => {
    throw new Error("Another debugger is already attached");
  };
  await assert.rejects(recordings.arm(TAB.id), /Another debugger/);
  assert.deepEqual(folders(), []);
});

test("a recording that the browser ended is PARTIAL, though its event has not come yet", async () => {
  await recordings.arm(TAB.id);
  chrome.debugger.detach = async () => { throw new Error("Debugger is not attached to the tab with id: 7."); };
  const { facts } = await recordings.take(TAB.id);
  assert.equal(facts.endedBy, "the browser ended the recording: Debugger is not attached to the tab with id: 7.");
});
