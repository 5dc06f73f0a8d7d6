import { fileSink, memorySink } from "../archive/sink.js";
import { buildWacz } from "../archive/wacz.js";
import { WarcWriter } from "../archive/warc.js";
import { createWorkFolder } from "../archive/workfolder.js";
import { probeByScript } from "./frames.js";
import { placesOf } from "./images/boxes.js";
import { PickedImage } from "./images/picked.js";
import { PageArchive } from "./pagearchive.js";
import { PostReader } from "./postreader.js";
import { Account } from "./requested.js";
import { KnownResponses } from "./responses.js";
import { findMarkupSecrets, findPasswordNames } from "./secrets/markup.js";
import { learnText } from "./secrets/learn.js";
import { isSecretName } from "./secrets/names.js";
import { SecretStripper } from "./secrets/stripper.js";
import { Steps } from "./steps.js";

/** @typedef {import("./types.js").CaptureOptions} CaptureOptions */
/** @typedef {import("./types.js").CaptureResult} CaptureResult */
/** @typedef {import("./types.js").ViewportShot} ViewportShot */
/** @typedef {import("./frames.js").Frame} Frame */
/** @typedef {import("./pageprobe.js").TimingEntry} TimingEntry */

const WRITE_MS = 30000;
const POST_MS = 10000;
const HMAC_KEY_BYTES = 32;
/** Bodies of text wait, up to this much, until all have been read: a token that a late script names stands in an early document too. */
const MAX_WAITING_BYTES = 32 << 20;
const WAITING = new Set(["Document", "Script", "Stylesheet", "XHR", "Fetch", "Other"]);

/** Everything that one capture carries along. @typedef {Awaited<ReturnType<typeof openSession>>} Session */

/**
 * Opens the archive of one capture.
 * @param {number} tabId @param {ViewportShot} viewport @param {CaptureOptions} options @param {number} stepCount of the collection, for progress
 */
export async function openSession(tabId, viewport, options, stepCount) {
  const { facts } = viewport;
  const capturedAt = new Date(facts.capturedAt);
  const steps = new Steps({ onProgress: options.onProgress, total: stepCount + 1 });
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
  const posts = new PostReader();
  const laterDocument = await documentFlag(options.passive ?? null, responses);
  const picked = options.selected?.kind === "image" ? new PickedImage(options.selected) : null;
  /** @type {import("./bodies.js").ReadBody[]} */
  const waiting = [];
  let waitingBytes = 0;
  const keep = async (/** @type {import("./bodies.js").ReadBody} */ body) => {
    const answered = await archive.addBody(body, body.source === "http_cache" ? laterDocument(body.url) : "");
    posts.offer(body);
    account.capture(body.url, body.type);
    account.capture(answered, body.type);
    picked?.offer(body, answered);
  };
  const keepWaiting = async () => {
    for (const body of waiting.splice(0)) await keep(body);
  };
  const collector = {
    picked, steps, account, responses, stripper, devicePixelRatio: facts.devicePixelRatio,
    onFrames: async (/** @type {Frame[]} */ frames) => contained(notes, "secrets of the page's markup", () => learnFromFrames(frames, { timing, stripper, notes }), undefined),
    onBody: async (/** @type {import("./bodies.js").ReadBody} */ body) => {
      archive.learn(body);
      waitingBytes += body.bytes.length;
      if (WAITING.has(body.type) && waitingBytes <= MAX_WAITING_BYTES) waiting.push(body);
      else await keep(body);
    },
  };
  /** @type {Record<string, unknown>} what a mode adds to the account (docs/formats.md §7) */
  const added = {};
  /** @type {import("./types.js").CaptureArtifact[]} shots beside the two of every capture */
  const further = [];
  return { viewport, capturedAt, options, steps, stripper, responses, folder, writer, account, notes, archive, posts, collector, keepWaiting, added, further };
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
  for (const { probe } of frames) if (probe) stripper.expectPasswords(findPasswordNames(probe.html));
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
    for (const { name, value } of probe.stored ?? []) learnStored(stripper, name, value);
    notes.push(...probe.left);
    if (probe.timingFull) notes.push(stripper.url(`the timing list of ${url} was full: later requests may be missing from the account`, "notes"));
  }
}

/** What a page shows before it is loaded a second time. @param {number} tabId @returns {Promise<Frame[]>} none where it may not be read */
export async function readTextBefore(tabId) {
  return probeByScript(tabId).catch(() => []);
}

/**
 * Keeps the text that was on screen before the second load: the viewport shot shows that one, the bodies are the other's.
 * @param {Session} session its secrets learned @param {Frame[]} before
 */
export async function addTextBefore({ archive, stripper }, before) {
  for (const { probe } of before) if (probe) for (const { name, value } of findMarkupSecrets(probe.html)) stripper.learnMarkup(name, value);
  for (const { probe } of before) if (probe) await archive.addGenerated("text-before", probe.url, "text/plain; charset=utf-8", probe.text);
}

/**
 * What the page keeps in the browser's storage under a credential's name. It is used to find those values elsewhere and is stored nowhere.
 * @param {SecretStripper} stripper @param {string} name @param {string} value
 */
function learnStored(stripper, name, value) {
  if (name === "document.cookie") return stripper.learnCookies(value); // where no request was seen, this is what is known of them
  if (isSecretName(name)) stripper.learnMarkup(`stored ${name}`, value.replace(/^"|"$/g, ""));
  if (/^[{[]/.test(value)) learnText(stripper, value);
  return undefined;
}

/**
 * Closes the archive: what was made here goes in, then the account of it all.
 * @param {Session} session @param {import("./collect.js").Collected | null} collected null: nothing but the viewport shot
 * @param {string} method @returns {Promise<CaptureResult>}
 */
export async function finish(session, collected, method) {
  const { viewport, stripper, steps, archive, notes, options, writer, capturedAt } = session;
  await steps.run("write bodies of text", WRITE_MS, session.keepWaiting);
  const { facts } = viewport;
  const top = collected?.frames[0];
  /** @param {string} text */
  const address = (text) => contained(notes, "address", () => stripper.url(text, "address"), URL.canParse(text) ? new URL(text).origin : "");
  const url = address(facts.url);
  const finalUrl = address(top?.probe?.url ?? facts.url);
  const title = contained(notes, "title", () => stripper.text(top?.probe?.title ?? facts.title, "title"), "");
  if (collected?.shot) notes.push(...collected.shot.notes);
  if (top?.probe && top.probe.url !== facts.url) notes.push("the page's address changed between the viewport shot and the reading");
  if (!collected) session.account.ask(facts.url, "Document", "the page could not be read");
  const post = top?.probe ? await steps.run("read post data", POST_MS, async () => session.posts.read(/** @type {NonNullable<Frame["probe"]>} */ (top.probe), facts.capturedAt, stripper)) : null;
  await steps.run("write page records", WRITE_MS, () => writeGenerated(session, collected, post));
  if (stripper.unlearned > 0) notes.push(`the page names more secrets than are looked for (${stripper.unlearned} mentions left): they may stand in this archive`);
  const { omitted } = session.account;
  const places = contained(notes, "places of pictures", () => placesOf(collected?.frames ?? []), { images: [], notes: [] });
  notes.push(...places.notes.map((note) => stripper.url(note, "notes")));
  const text = contained(notes, "text for searching", () => stripper.text(textOf(collected), "pages.jsonl"), "");
  const { image, selection } = selectedOf(session);
  const said = { url: finalUrl, capturedAt: facts.capturedAt, mode: options.mode ?? "as_seen", method, ...session.added, images: places.images, resources: archive.resources, omitted, steps: steps.done, notes };
  const account = contained(notes, "account", () => stripper.leaves(said, "urn:pageinfo"), { ...said, resources: [], omitted: [], notes: ["the account could not be cleaned of secrets"] });
  const removed = stripper.removed; // after everything that is stored has been through it
  await archive.addJson("pageinfo", finalUrl, { ...account, secrets: removed });
  const warc = await writer.close();
  const wacz = await buildWacz({ warc, records: writer.records, page: { url: finalUrl, title, date: capturedAt, text }, created: new Date(), software: softwareName() },
    options.signPageDigest ?? null);
  /** @type {CaptureResult["artifacts"]} */
  const artifacts = [{ role: "screenshot.viewport", name: "screenshot.viewport.png", mediaType: "image/png", blob: viewport.png }];
  if (collected?.shot) artifacts.push({ role: "screenshot.full", name: "screenshot.full.png", mediaType: "image/png", blob: collected.shot.png });
  artifacts.push(...session.further);
  if (image) artifacts.push(image);
  artifacts.push({ role: "page.wacz", name: "page.wacz", mediaType: "application/wacz+zip", blob: wacz });
  return { artifacts, page: { ...facts, url, finalUrl, title }, mode: options.mode ?? "as_seen", method, notes, selection, post, workFolder: session.folder?.name ?? null,
    pageinfo: { captured: archive.resources.length, omitted: omitted.length, failedSteps: steps.failed, ...(session.added["state"] === "PARTIAL" ? { state: "PARTIAL" } : {}) },
    secrets: { kept: stripper.keep, removed: removed.length } };
}

/** @param {Session} session @returns {{image: import("./types.js").CaptureArtifact | null, selection: import("./types.js").Selection | null}} */
function selectedOf({ options, collector, stripper }) {
  if (options.selected?.kind === "region") return { image: null, selection: options.selected };
  const image = collector.picked?.artifact(stripper) ?? null;
  return { image, selection: collector.picked?.selection(stripper, image?.name ?? null) ?? null };
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

/** @param {Session} session @param {import("./collect.js").Collected | null} collected @param {import("./platforms/types.js").PostMetadata | null} post of the top frame */
async function writeGenerated({ archive, viewport, stripper }, collected, post) {
  for (const { probe } of collected?.frames ?? []) {
    if (!probe) continue;
    const { url, title, charset, language, meta, data } = probe;
    await archive.addGenerated("dom", url, "text/html; charset=utf-8", probe.html);
    await archive.addGenerated("text", url, "text/plain; charset=utf-8", probe.text);
    await archive.addJson("metadata", url, stripper.leaves({ url, title, charset, language, meta, data, ...(post && probe === collected?.frames[0]?.probe && { post }) }, "urn:metadata"));
  }
  if (collected?.mhtml) await archive.addMhtml(collected.frames[0]?.url ?? viewport.facts.url, collected.mhtml);
  for (const { origin, pem } of collected?.certificates ?? []) await archive.addGenerated("certificates", origin, "application/pem-certificate-chain", pem);
}
