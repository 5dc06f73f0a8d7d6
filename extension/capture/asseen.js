import { fileSink, memorySink } from "../archive/sink.js";
import { buildWacz } from "../archive/wacz.js";
import { WarcWriter } from "../archive/warc.js";
import { createWorkFolder } from "../archive/workfolder.js";
import { COLLECT_STEPS, collect, collectByScript } from "./collect.js";
import { TabDebugger } from "./debugger.js";
import { PageArchive } from "./pagearchive.js";
import { Account } from "./requested.js";
import { KnownResponses } from "./responses.js";
import { findMarkupSecrets } from "./secretmarkup.js";
import { SecretStripper } from "./secrets.js";
import { Steps } from "./steps.js";
import { requireTabId, takeViewportShot } from "./viewport.js";

/** @typedef {import("./types.js").CaptureOptions} CaptureOptions */
/** @typedef {import("./types.js").CaptureResult} CaptureResult */
/** @typedef {import("./types.js").ViewportShot} ViewportShot */
/** @typedef {import("./frames.js").Frame} Frame */
/** @typedef {import("./pageprobe.js").TimingEntry} TimingEntry */

const ATTACH_MS = 5000;
const DETACH_MS = 3000;
const WRITE_MS = 30000;
const HMAC_KEY_BYTES = 32;
const NO_DEBUGGER = "the debugger could not attach";

/**
 * Captures the page in a tab as it is on screen: nothing is reloaded, scrolled, hidden, cleared, and nothing is asked of the site.
 *
 * When the debugger is cancelled, what was already read is kept and the steps say what is missing. When it cannot attach (a policy, a page of the
 * browser's own) the DOM is read by a script of the extension, where that is allowed; else there is the viewport shot.
 * @param {chrome.tabs.Tab} tab @param {CaptureOptions} [options] @returns {Promise<CaptureResult>}
 * @throws {Error} when not even the viewport shot can be taken, or the archive cannot be written: then there is no capture
 */
export async function captureAsSeen(tab, options = {}) {
  const tabId = requireTabId(tab);
  const viewport = options.viewport ?? await takeViewportShot(tab);
  const session = await openSession(tabId, viewport, options);
  const { steps } = session;
  const tabDebugger = await steps.run("attach debugger", ATTACH_MS, (signal) => attach(tabId, signal));
  /** @type {import("./collect.js").Collected | null} */
  let collected = null;
  if (tabDebugger !== null) {
    try {
      collected = await collect(tabDebugger, session.collector);
    } finally {
      await steps.run("detach", DETACH_MS, () => tabDebugger.detach());
    }
    if (tabDebugger.lost) session.notes.push(`the debugger was lost during the capture: ${tabDebugger.lost.reason}`);
  }
  collected ??= await collectByScript(tabId, session.collector);
  return finish(session, collected, tabDebugger !== null ? "chrome.debugger" : collected ? "scripting" : "viewport_only");
}

/** @param {number} tabId @param {AbortSignal} signal @returns {Promise<TabDebugger>} a late success is undone: nobody would detach it */
async function attach(tabId, signal) {
  const tabDebugger = await TabDebugger.attach(tabId);
  if (signal.aborted) await tabDebugger.detach();
  return tabDebugger;
}

/** Everything that one capture carries along. @typedef {Awaited<ReturnType<typeof openSession>>} Session */

/** @param {number} tabId @param {ViewportShot} viewport @param {CaptureOptions} options */
async function openSession(tabId, viewport, options) {
  const { facts } = viewport;
  const capturedAt = new Date(facts.capturedAt);
  const steps = new Steps({ onProgress: options.onProgress, total: COLLECT_STEPS + 3 });
  const stripper = new SecretStripper({ key: options.hmacKey ?? crypto.getRandomValues(new Uint8Array(HMAC_KEY_BYTES)), keep: options.keepSecrets === true });
  const responses = await KnownResponses.of(options.passive ?? null, tabId, facts.url);
  const folder = await createWorkFolder(capturedAt);
  const writer = new WarcWriter(folder ? await fileSink(folder.handle, "data.warc.gz") : memorySink());
  await writer.writeInfo({ software: softwareName(), format: "WARC File Format 1.1", "http-header-user-agent": facts.userAgent }, capturedAt);
  const account = new Account();
  /** @type {string[]} */
  const notes = [];
  /** @type {Map<string, TimingEntry>} */
  const timing = new Map();
  const archive = new PageArchive({ writer, stripper, responses, timing, capturedAt });
  const laterDocument = await documentFlag(options.passive ?? null, responses);
  const collector = {
    steps, account, responses, stripper, devicePixelRatio: facts.devicePixelRatio,
    onFrames: async (/** @type {Frame[]} */ frames) => contained(notes, "secrets of the page's markup", () => learnFromFrames(frames, { timing, stripper, notes }), undefined),
    onBody: async (/** @type {import("./bodies.js").ReadBody} */ body) => {
      const answered = await archive.addBody(body, body.source === "http_cache" ? laterDocument(body.url) : "");
      account.capture(body.url, body.type);
      account.capture(answered, body.type);
    },
  };
  return { viewport, capturedAt, options, steps, stripper, responses, folder, writer, account, notes, archive, collector };
}

/**
 * A document comes from the browser's cache, which keeps the newest response of an address: this says whether that may be another one
 * than the one on screen.
 * @param {import("./passive.js").PassiveBuffer | null} passive @param {KnownResponses} responses @returns {Promise<(url: string) => string>}
 */
async function documentFlag(passive, responses) {
  const document = responses.hops.findLast(({ type, redirectTo }) => type === "main_frame" && redirectTo === null);
  if (passive === null || !document) return () => "whether a later response replaced it in the browser's cache is not known";
  const later = await passive.laterRequests(document.url, document);
  return (url) => {
    if (url !== document.url) return "whether a later response replaced it in the browser's cache is not known";
    return later.length > 0 ? `may be a later response: ${later.length} later request(s) for this address` : "";
  };
}

/** @param {Frame[]} frames @param {{timing: Map<string, TimingEntry>, stripper: SecretStripper, notes: string[]}} session */
function learnFromFrames(frames, { timing, stripper, notes }) {
  for (const { url, probe } of frames) stripper.show(url, probe?.url ?? "", probe?.title ?? "", probe?.text ?? "");
  for (const { url, resources, probe, problem } of frames) {
    stripper.url(url, "address");
    for (const resource of resources) stripper.url(resource.url, "address");
    if (!probe) {
      notes.push(stripper.url(`the frame ${url} could not be read: ${problem}`, "notes"));
      continue;
    }
    for (const entry of probe.timing) {
      stripper.url(entry.url, "address");
      if (!timing.has(entry.url)) timing.set(entry.url, entry);
    }
    for (const { name, value } of findMarkupSecrets(probe.html)) stripper.learnMarkup(name, value);
    notes.push(...probe.left);
    if (probe.timingFull) notes.push(stripper.url(`the timing list of ${url} was full: later requests may be missing from the account`, "notes"));
  }
}

/** @param {Session} session @param {import("./collect.js").Collected | null} collected @param {string} method @returns {Promise<CaptureResult>} */
async function finish(session, collected, method) {
  const { viewport, stripper, steps, archive, notes, options, writer, capturedAt } = session;
  const { facts } = viewport;
  const top = collected?.frames[0];
  /** @param {string} text */
  const address = (text) => contained(notes, "address", () => stripper.url(text, "address"), URL.canParse(text) ? new URL(text).origin : "");
  const url = address(facts.url);
  const finalUrl = address(top?.probe?.url ?? facts.url);
  const title = contained(notes, "title", () => stripper.text(top?.probe?.title ?? facts.title, "title"), "");
  if (collected?.shot) notes.push(...collected.shot.notes);
  if (top?.probe && top.probe.url !== facts.url) notes.push("the page's address changed between the viewport shot and the reading");
  if (!collected) session.account.ask(facts.url, "Document", NO_DEBUGGER);
  await steps.run("write page records", WRITE_MS, () => writeGenerated(session, collected));
  if (stripper.unlearned > 0) notes.push(`the page names more secrets than are looked for (${stripper.unlearned} mentions left): they may stand in this archive`);
  const { omitted } = session.account;
  const text = contained(notes, "text for searching", () => stripper.text(textOf(collected), "pages.jsonl"), "");
  const said = { url: finalUrl, capturedAt: facts.capturedAt, mode: "as_seen", method, resources: archive.resources, omitted, steps: steps.done, notes };
  const account = contained(notes, "account", () => stripper.leaves(said, "urn:pageinfo"), { ...said, resources: [], omitted: [], notes: ["the account could not be cleaned of secrets"] });
  const removed = stripper.removed; // after everything that is stored has been through it
  await archive.addJson("pageinfo", finalUrl, { ...account, secrets: removed });
  const warc = await writer.close();
  const wacz = await buildWacz({ warc, records: writer.records, page: { url: finalUrl, title, date: capturedAt, text }, created: new Date(), software: softwareName() },
    options.signPageDigest ?? null);
  /** @type {CaptureResult["artifacts"]} */
  const artifacts = [{ role: "screenshot.viewport", name: "screenshot.viewport.png", mediaType: "image/png", blob: viewport.png }];
  if (collected?.shot) artifacts.push({ role: "screenshot.full", name: "screenshot.full.png", mediaType: "image/png", blob: collected.shot.png });
  artifacts.push({ role: "page.wacz", name: "page.wacz", mediaType: "application/wacz+zip", blob: wacz });
  return { artifacts, page: { ...facts, url, finalUrl, title }, method, notes, workFolder: session.folder?.name ?? null,
    pageinfo: { captured: archive.resources.length, omitted: omitted.length, failedSteps: steps.failed },
    secrets: { kept: stripper.keep, removed: removed.length } };
}

/**
 * What a page holds may hinder a part of its capture and never the capture: the part is left out, and the notes say so.
 * @template T @param {string[]} notes @param {string} what @param {() => T} work @param {T} otherwise @returns {T}
 */
function contained(notes, what, work, otherwise) {
  try {
    return work();
  } catch (error) {
    notes.push(`${what}: left out (${error instanceof Error ? error.name : "error"})`);
    return otherwise;
  }
}

/** @returns {string} */
function softwareName() {
  return `Holdstill ${chrome.runtime.getManifest().version}`;
}

/** @param {import("./collect.js").Collected | null} collected @returns {string} of all frames */
function textOf(collected) {
  return (collected?.frames ?? []).map(({ probe }) => probe?.text ?? "").filter((text) => text !== "").join("\n\n");
}

/** @param {Session} session @param {import("./collect.js").Collected | null} collected */
async function writeGenerated({ archive, viewport, stripper }, collected) {
  for (const { probe } of collected?.frames ?? []) {
    if (!probe) continue;
    const { url, title, charset, language, meta, data } = probe;
    await archive.addGenerated("dom", url, "text/html; charset=utf-8", probe.html);
    await archive.addGenerated("text", url, "text/plain; charset=utf-8", probe.text);
    await archive.addJson("metadata", url, stripper.leaves({ url, title, charset, language, meta, data }, "urn:metadata"));
  }
  if (collected?.mhtml) await archive.addMhtml(collected.frames[0]?.url ?? viewport.facts.url, collected.mhtml);
  for (const { origin, pem } of collected?.certificates ?? []) await archive.addGenerated("certificates", origin, "application/pem-certificate-chain", pem);
}
