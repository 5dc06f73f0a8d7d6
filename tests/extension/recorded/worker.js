// The background of a test extension: the capture modes of the real one and a way to read what they gave. A toolbar click captures.
import { captureAsSeen } from "../../../extension/capture/asseen.js";
import { startPassiveBuffer } from "../../../extension/capture/passive.js";
import { captureRecorded } from "../../../extension/capture/recorded/capture.js";
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

const tabOf = async (url) => (await chrome.tabs.query({})).find((tab) => tab.url === url).id;
globalThis.countObserved = () => [...passive.byTab.values()].flat().length;
globalThis.arm = async ({ url, scope }) => recordings.arm(await tabOf(url), { scope });
globalThis.readRecording = async (url) => recordings.read(await tabOf(url));
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
/** The account of the last archive, out of its last WARC record: a gzip member of its own. */
globalThis.readPageinfo = async () => {
  const wacz = globalThis.artifacts.get("page.wacz");
  const tail = new Uint8Array(await wacz.slice(Math.max(0, wacz.size - (4 << 20))).arrayBuffer());
  for (let at = tail.length - 3; at >= 0; at -= 1) {
    if (tail[at] !== 0x1f || tail[at + 1] !== 0x8b || tail[at + 2] !== 8) continue;
    const text = await unpack(tail.subarray(at));
    if (text.includes("WARC-Target-URI: urn:pageinfo:")) return JSON.parse(text.slice(text.indexOf("\r\n\r\n") + 4, text.lastIndexOf("}") + 1));
  }
  throw new Error("no pageinfo");
};
async function unpack(bytes) {
  let text = "";
  try {
    for await (const chunk of new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")).pipeThrough(new TextDecoderStream())) text += chunk;
  } catch { /* what follows the member is not part of it */ }
  return text;
}
globalThis.readArtifact = async (name, part) => {
  const bytes = new Uint8Array(await globalThis.artifacts.get(name).slice(part * SLICE, (part + 1) * SLICE).arrayBuffer());
  return bytes.toBase64();
};
