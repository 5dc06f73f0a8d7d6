// Wires the browser's events to the modules that do the work. Every listener is registered in the first turn of the worker, and
// nothing is remembered here: the worker may be killed between any two events.
import { showBadge, watchBrowsing } from "./auto/browser.js";
import { addBatch, BATCH_ALARM, tellBatch, workBatches } from "./batch/browser.js";
import { select } from "./capture/selection.js";
import { startModes } from "./capture/modes.js";
import { startBuffer, takeViewportShot } from "./capture/thisbrowser.js";
import { addMenus, wishOf } from "./menus.js";
import { discardWorkFolder, sweepWorkFolders } from "./archive/workfolder.js";
import { fetchChallenge } from "./queue/challenge.js";
import { makePreview } from "./queue/preview.js";
import { pump } from "./queue/pump.js";
import { hasWork } from "./queue/reducer.js";
import { runCapture } from "./queue/run.js";
import { Runs } from "./queue/runs.js";
import { openStore } from "./queue/store.js";
import { readBuild } from "./seal/build.js";
import { askSeen, findSeen } from "./seen/browser.js";

const ALARM = "pump";
const AWAKE_MS = 20_000; // an idle worker is ended after 30 s; a pending fetch does not count as work
const passive = startBuffer();
const modes = startModes();
const changes = new BroadcastChannel("holdstill-queue");

chrome.runtime.onInstalled.addListener(() => {
  void schedulePump();
  void addMenus();
  void showBadge();
  void runLists();
});
chrome.runtime.onStartup.addListener(() => {
  void schedulePump();
  void showBadge();
  void runLists();
  void sweepWorkFolders(new Date());
});
chrome.alarms.onAlarm.addListener((alarm) => void (alarm.name === ALARM && pumpQueue({ patient: false })));
chrome.alarms.onAlarm.addListener((alarm) => void (alarm.name === BATCH_ALARM && runLists()));
watchBrowsing((tabId) => stayAwake(() => startCapture({ tabId, trigger: "site_list" })));
chrome.contextMenus.onClicked.addListener((click, tab) => {
  const wish = wishOf(click);
  if (wish === "lists") void chrome.tabs.create({ url: "ui/batch.html" });
  else if (wish !== null && "kind" in wish && wish.kind === "seen") void (tab?.id !== undefined && askSeen(tab.id, wish));
  else if (wish !== null && tab?.id !== undefined) void stayAwake(() => startCapture({ tabId: /** @type {number} */ (tab.id), selection: wish, trigger: wish.kind }));
});
chrome.commands.onCommand.addListener((command, tab) => {
  if (command === "capture-region" && tab?.id !== undefined) void stayAwake(() => startCapture({ tabId: /** @type {number} */ (tab.id), selection: { kind: "region" }, trigger: "region" }));
});
chrome.runtime.onMessage.addListener((message, sender, answer) => {
  const handle = sender.origin === location.origin ? MESSAGES[/** @type {keyof typeof MESSAGES} */ (message?.type)] : undefined;
  if (handle === undefined) return false; // pages and content scripts have nothing to say to the queue
  handle(message).then(answer, (error) => answer({ error: String(error?.name ?? "error") }));
  return true;
});

/** The one table of messages: what the extension's own pages may ask. */
const MESSAGES = {
  /** @param {Start} message `selection: {kind: "region"}` lets the person mark a part of the shot first */
  "capture.start": async ({ tabId, draft, selection, mode }) => {
    const run = await stayAwake(() => startCapture({ tabId, draft, selection, mode, trigger: selection?.kind ?? "click" }));
    return run === null ? { busy: true } : { phase: run.phase };
  },
  "queue.pump": () => schedulePump(),
  /** Looks for a picture of a page among what the service holds. @param {{ask: string}} message */
  "seen.find": ({ ask }) => stayAwake(async () => findSeen(ask, { buffer: passive, mayRefetch: await isSet("refetchImages") })),
  /** Records what the tab loads from now on; the next capture of it takes the recording. @param {{tabId: number, scope: "tab" | "case"}} message */
  "record.arm": async ({ tabId, scope }) => await modes.recordings?.arm(tabId, { scope }) ?? null,
  /** @param {import("./batch/browser.js").BatchWish} wish */
  "batch.start": async (wish) => {
    const added = await addBatch(wish);
    void runLists();
    return added;
  },
  /** @param {{batchId: string, word: "pause" | "resume" | "stop"}} message */
  "batch.tell": async ({ batchId, word }) => {
    await tellBatch(batchId, word);
    if (word === "resume") void runLists();
  },
};

/**
 * @typedef {{tabId: number} & Pick<import("./queue/run.js").Wish, "draft" | "selection" | "trigger" | "ref" | "mode">} Start
 * @param {Start} start @returns {Promise<import("./queue/runs.js").Run | null>} the run, ended; null: this tab is being captured already
 */
async function startCapture({ tabId, ...wish }) {
  const tab = /** @type {chrome.tabs.Tab & {id: number}} */ (await chrome.tabs.get(tabId));
  const opening = openStore(); // not awaited here: the shot comes first
  try {
    const run = await runCapture({ tab, ...wish }, {
      store: opening,
      runs: new Runs(chrome.storage.session),
      locks: navigator.locks,
      takeViewportShot,
      select: async (target, wished, shot) => select(target, wished, shot, await selectOptions()),
      captureAsSeen: async (target, options) => modes.capture(target, { ...options, passive, secondPass: await isSet("secondPass") }),
      makePreview,
      discardWorkFolder,
      fetchChallenge: async () => {
        const pairing = await (await opening).readPairing();
        return pairing && pairing.revokedAt === null ? fetchChallenge(pairing) : null;
      },
      readBuild,
      readDefaultCase: async () => /** @type {string | null} */ (await readSetting("lastCase") ?? null),
      now: () => new Date(),
    });
    if (run?.phase === "queued") {
      changes.postMessage({ captureId: run.captureId });
      void schedulePump();
    }
    return run;
  } finally {
    (await opening).close();
  }
}

/** Works through the lists of addresses that run, until none does. */
async function runLists() {
  await stayAwake(() => workBatches(startCapture));
}

/** @returns {Promise<Parameters<typeof select>[3]>} */
async function selectOptions() {
  return { words: { title: chrome.i18n.getMessage("acts_region_title"), help: chrome.i18n.getMessage("acts_region_help") }, mayRefetch: await isSet("refetchImages") };
}

/** @param {string} name of a choice of the person's @returns {Promise<boolean>} false unless it was made */
async function isSet(name) {
  return await readSetting(name) === true;
}

/** @param {string} name @returns {Promise<unknown>} undefined too when the browser cannot read its settings: no capture fails for one */
async function readSetting(name) {
  const settings = await chrome.storage.local.get(name).catch(() => /** @type {Record<string, unknown>} */ ({}));
  return settings[name];
}

/** Pumps now, and every 30 s until nothing is left that needs no person: the alarm outlives this worker. */
async function schedulePump() {
  await chrome.alarms.create(ALARM, { periodInMinutes: 0.5 });
  await pumpQueue({ patient: true });
}

/** @param {{patient: boolean}} options */
async function pumpQueue(options) {
  await stayAwake(async () => {
    const store = await openStore();
    try {
      await pump({ store, onChange: (captureId) => changes.postMessage({ captureId }) }, options);
      if (!(await store.listItems()).some(hasWork)) await chrome.alarms.clear(ALARM);
    } finally {
      store.close();
    }
  });
}

/** @template T @param {() => Promise<T>} work @returns {Promise<T>} */
async function stayAwake(work) {
  const ping = setInterval(() => void chrome.runtime.getPlatformInfo(), AWAKE_MS);
  try {
    return await work();
  } finally {
    clearInterval(ping);
  }
}
