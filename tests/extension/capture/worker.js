// The background of a test extension: the capture modules of the real one and a way to read what they gave.
// It has no popup, so a toolbar click is a click: the only thing that grants activeTab.
import { captureAsSeen } from "../../../extension/capture/asseen.js";
import { startPassiveBuffer } from "../../../extension/capture/passive.js";
import { takeViewportShot } from "../../../extension/capture/viewport.js";
import { generateDeviceKey, signPageDigest } from "../../../extension/seal/keys.js";

const SLICE = 6 << 20;
const hmacKey = new Uint8Array(32).fill(7); // so that the tests can compute what the marks stand for
const passive = startPassiveBuffer();
let results = [];
/** From the end of a step on no command reaches the browser until `open`: what is done in between is done in the middle of a capture, however fast that is. */
let held = { after: "", isOn: false, opened: Promise.resolve(), open: () => {} };
const sendCommand = chrome.debugger.sendCommand.bind(chrome.debugger);
chrome.debugger.sendCommand = async (...command) => {
  if (held.isOn) await held.opened;
  return sendCommand(...command);
};

chrome.action.onClicked.addListener((tab) => void run(tab));

async function run(tab, options = {}) {
  globalThis.stepsEnded = [];
  const onProgress = (step) => {
    if (step === held.after) held.isOn = true;
    globalThis.stepsEnded.push(step);
  };
  try {
    const began = performance.now();
    const key = await generateDeviceKey(new Date());
    const viewport = await takeViewportShot(tab);
    const result = await captureAsSeen(tab, { viewport, passive, signPageDigest: (text) => signPageDigest(key, text), hmacKey, onProgress, ...globalThis.options, ...options });
    results.push({ ...result, ms: performance.now() - began });
  } catch (error) {
    results.push({ error: String(error?.stack ?? error) });
  }
}

globalThis.countObserved = () => [...passive.byTab.values()].flat().length;
globalThis.occupy = async (url) => {
  const { tabId } = (await chrome.debugger.getTargets()).find((target) => target.url === url && target.type === "page");
  await chrome.debugger.attach({ tabId }, "1.3"); // a second attach is refused, as a policy refuses the first
};
globalThis.waitForStep = async (step) => {
  while (!globalThis.stepsEnded?.includes(step)) await new Promise((resolve) => { setTimeout(resolve, 5); });
};
globalThis.holdAfter = (step) => {
  const { promise, resolve } = Promise.withResolvers();
  held = { after: step, isOn: false, opened: promise, open: resolve };
};
globalThis.letGo = () => {
  held.open();
  held = { ...held, after: "", isOn: false };
};
globalThis.runOnTab = async (tabId) => run(await chrome.tabs.get(tabId));
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
