// The background of a test extension: the capture modes of the real one and a way to read what they gave. A toolbar click captures.
import { captureAsSeen } from "../../../extension/capture/asseen.js";
import { startPassiveBuffer } from "../../../extension/capture/passive.js";
import { captureRecorded } from "../../../extension/capture/recorded/capture.js";
import { readJournal } from "../../../extension/capture/recorded/journal.js";
import { startRecordings } from "../../../extension/capture/recorded/tabs.js";
import { captureReloaded } from "../../../extension/capture/reloaded.js";
import { takeViewportShot } from "../../../extension/capture/viewport.js";
import { generateDeviceKey, signPageDigest } from "../../../extension/seal/keys.js";

const SLICE = 6 << 20;
const hmacKey = new Uint8Array(32).fill(7); // so that the tests can compute what the marks stand for
const passive = startPassiveBuffer();
const recordings = startRecordings();
const MODES = {
  as_seen: (tab, options) => captureAsSeen(tab, options),
  recorded: (tab, options) => captureRecorded(tab, options, recordings),
  reloaded: (tab, options) => captureReloaded(tab, options),
};
let results = [];

chrome.action.onClicked.addListener((tab) => void run(tab));

async function run(tab) {
  try {
    const { mode = "as_seen", ...options } = globalThis.options ?? {};
    const key = await generateDeviceKey(new Date());
    const viewport = await takeViewportShot(tab);
    const sign = (text) => signPageDigest(key, text);
    const { release, ...result } = await MODES[mode](tab, { viewport, passive, signPageDigest: sign, hmacKey, ...options });
    await release?.(true); // the test holds the artifacts
    results.push(result);
  } catch (error) {
    results.push({ error: String(error?.stack ?? error) });
  }
}

const tabOf = async (url) => (await chrome.tabs.query({})).find((tab) => tab.url === url)?.id;
globalThis.countObserved = () => [...passive.byTab.values()].flat().length;
globalThis.arm = async ({ url, scope }) => recordings.arm(await tabOf(url), { scope });
globalThis.readRecording = async (url) => recordings.read(await tabOf(url)); // null for a tab that has not come to its address yet
globalThis.keptOf = async (url) => (await readJournal(recordings.live.get(await tabOf(url)).folder)).filter(({ omitted }) => omitted === "").map((one) => one.url);
globalThis.badgeOf = async (url) => chrome.action.getBadgeText({ tabId: await tabOf(url) });
globalThis.cancel = async (url) => {
  const tabId = await tabOf(url);
  await chrome.debugger.detach({ tabId });
  chrome.debugger.onDetach.dispatch({ tabId }, "canceled_by_user");
  await recordings.live.get(tabId)?.ended;
};
globalThis.forgetLive = () => { recordings.live.clear(); };
globalThis.pendingBytes = () => [...recordings.live.values()].reduce((sum, { recorder }) => sum + recorder.bodies.pendingBytes, 0);
globalThis.takeResult = async () => {
  while (results.length === 0) await new Promise((resolve) => { setTimeout(resolve, 20); });
  const result = results.shift();
  globalThis.artifacts = new Map((result.artifacts ?? []).map(({ name, blob }) => [name, blob]));
  return { ...result, artifacts: (result.artifacts ?? []).map(({ role, name, mediaType, blob }) => ({ role, name, mediaType, sizeBytes: blob.size })) };
};
globalThis.readArtifact = async (name, part) => {
  const bytes = new Uint8Array(await globalThis.artifacts.get(name).slice(part * SLICE, (part + 1) * SLICE).arrayBuffer());
  return bytes.toBase64();
};
