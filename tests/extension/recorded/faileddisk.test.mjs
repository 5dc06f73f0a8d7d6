// A disk that does not take the whole of a body: the body is missing and says why; what was written of it never passes for the whole.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { RecordedArchive } from "../../../extension/capture/recorded/archive.js";
import { RecordedBodies, bodyName, readBody } from "../../../extension/capture/recorded/bodies.js";
import { TabRecorder } from "../../../extension/capture/recorded/tab.js";

const PART = 1 << 20;
let listeners;

beforeEach(() => {
  listeners = new Set();
  globalThis.chrome = { debugger: { onEvent: { addListener: (one) => listeners.add(one), removeListener: (one) => listeners.delete(one) } } };
});

/** A folder in memory whose disk is full from the given part of every body on. */
class FullDisk {
  files = new Map();
  constructor(fullFrom) {
    this.fullFrom = fullFrom;
  }
  async getFileHandle(name, { create = false } = {}) {
    if (!this.files.has(name) && !create) throw new DOMException(name, "NotFoundError");
    if (!this.files.has(name)) this.files.set(name, new Blob([]));
    const isFull = Number(name.split(".").at(-1)) >= this.fullFrom;
    return { getFile: async () => this.files.get(name), createWritable: async () => {
      const parts = [];
      return { write: async (data) => {
        if (isFull) throw new DOMException("the disk is full", "QuotaExceededError");
        parts.push(data.slice());
      }, close: async () => void this.files.set(name, new Blob(parts)) };
    } };
  }
  async removeEntry(name) {
    this.files.delete(name);
  }
}

const tell = (method, params) => [...listeners].forEach((listen) => listen({ tabId: 1 }, method, { requestId: "1", ...params }));
const settled = () => new Promise((resolve) => { setTimeout(resolve, 20); });

/** A recorder whose disk is full from a part on, in the middle of a streamed answer of two parts and a half. */
async function streaming({ fullFrom, headers = {} }) {
  const folder = new FullDisk(fullFrom);
  const send = async (_target, method) => (method === "Network.streamResourceContent" ? { bufferedData: "" } : {});
  const recorder = new TabRecorder({ root: { tabId: 1 }, lost: null, send }, new RecordedBodies(folder));
  await recorder.start();
  const request = { url: "https://a.test/feed", method: "GET", headers: {} };
  tell("Network.requestWillBeSent", { request, wallTime: 1, type: "Fetch" });
  tell("Fetch.requestPaused", { requestId: "held", networkId: "1", request, resourceType: "Fetch", responseStatusCode: 200,
    responseHeaders: Object.entries(headers).map(([name, value]) => ({ name, value })) });
  await settled();
  for (const size of [PART, PART, PART / 2]) tell("Network.dataReceived", { dataLength: size, data: Buffer.alloc(size, 7).toString("base64") });
  await settled();
  return { folder, recorder };
}

/** What a capture says of the one exchange. */
async function archived({ folder, recorder }) {
  const writer = { write: async () => ({ payloadDigest: "sha256:0", recordId: "urn:uuid:0" }) };
  const stripper = { keep: true, url: (url) => url, headers: (lines) => lines };
  const archive = new RecordedArchive({ writer, stripper, resources: [], folder, isSecondLoad: false });
  await archive.write(recorder.log.exchanges);
  return { resources: archive.resources, omitted: archive.omitted };
}

const isNamed = ({ resources, omitted }) => {
  assert.deepEqual(resources, [], "no shortened body stands among the resources");
  assert.deepEqual(omitted.map(({ url, reason }) => [url, reason]), [["https://a.test/feed", "its body could not be written to the disk: the disk is full"]]);
};

test("a body that the disk took only the beginning of is missing, and says why", async () => {
  for (const fullFrom of [0, 1, 2]) {
    const { folder, recorder } = await streaming({ fullFrom });
    tell("Network.loadingFinished");
    await settled();
    await recorder.stop();
    isNamed(await archived({ folder, recorder }));
    assert.equal(await readBody(folder, bodyName("1/0")), null, "nothing of it is left");
    assert.equal(recorder.bodies.used.other, 0, "and it uses up nobody's room");
  }
});

test("so does one that came whole and whose loading was called aborted, and one that was whole when the recording ended", async () => {
  const headers = { "Content-Length": String(2.5 * PART) };
  for (const isAborted of [true, false]) {
    const { folder, recorder } = await streaming({ fullFrom: 1, headers });
    if (isAborted) tell("Network.loadingFailed", { errorText: "net::ERR_ABORTED" });
    await recorder.stop();
    isNamed(await archived({ folder, recorder }));
  }
});

test("a disk with room keeps the body, exact", async () => {
  const { folder, recorder } = await streaming({ fullFrom: 3 });
  tell("Network.loadingFinished");
  await settled();
  await recorder.stop();
  const { resources, omitted } = await archived({ folder, recorder });
  assert.deepEqual([resources.map(({ sizeBytes, exact }) => [sizeBytes, exact]), omitted], [[[2.5 * PART, true]], []]);
});
