// What goes with the consent, and with a tab: not only bodies, also whom they came from.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { NO_CONSENT } from "../../../extension/capture/firefox/consent.js";
import { StreamBuffer } from "../../../extension/capture/firefox/streamfilter.js";

const CONSENT = { ...NO_CONSENT, givenAt: "2026-01-02T03:04:05Z" };
let answer;

beforeEach(() => {
  answer = async () => ({ certificates: [{ rawDER: [1, 2, 3] }] });
  globalThis.chrome = { storage: { local: { get: async () => ({}) } }, runtime: { getPlatformInfo: () => {} },
    webRequest: { filterResponseData: () => ({}), getSecurityInfo: () => answer() } };
});

/** A buffer with consent, one page loaded in each of these tabs, and the certificates of their sites. */
async function makeBuffer(pages) {
  const buffer = new StreamBuffer();
  await buffer.loaded;
  buffer.setConsent(CONSENT);
  for (const [tabId, url] of Object.entries(pages)) {
    const details = { requestId: `r${tabId}`, tabId: Number(tabId), frameId: 0, url, method: "GET", type: "main_frame", timeStamp: 1, incognito: false };
    buffer.onBeforeRequest(details);
    await buffer.readChain(details);
  }
  clearInterval(buffer.ticking);
  return buffer;
}

test("consent taken back leaves no certificate that tells where the person was", async () => {
  const buffer = await makeBuffer({ 1: "https://a.example/", 2: "https://b.example/" });
  assert.deepEqual([...buffer.chains.keys()], ["https://a.example", "https://b.example"]);
  buffer.setConsent({ ...CONSENT, sites: "only", list: ["b.example"] });
  assert.deepEqual([...buffer.chains.keys()], ["https://b.example"]);
  buffer.setConsent(NO_CONSENT);
  assert.deepEqual([buffer.chains.size, buffer.state.exchanges.length], [0, 0]);
});

test("a tab that is closed takes its certificates with it, and no other's", async () => {
  const buffer = await makeBuffer({ 1: "https://a.example/", 2: "https://b.example/" });
  buffer.forget(1);
  assert.deepEqual([...buffer.chains.keys()], ["https://b.example"]);
});

test("a certificate that comes after the consent was taken back is not kept", async () => {
  const buffer = await makeBuffer({});
  let give;
  answer = () => new Promise((resolve) => { give = resolve; });
  const details = { requestId: "r1", tabId: 1, frameId: 0, url: "https://a.example/", method: "GET", type: "main_frame", timeStamp: 1, incognito: false };
  buffer.onBeforeRequest(details);
  clearInterval(buffer.ticking);
  const reading = buffer.readChain(details);
  buffer.setConsent(NO_CONSENT);
  give({ certificates: [{ rawDER: [1] }] });
  await reading;
  assert.equal(buffer.chains.size, 0);
});
