// Wires the browser's events to the modules that do the work. Every listener is registered in the first turn of the worker, and
// nothing is remembered here: the worker may be killed between any two events.
import { captureAsSeen } from "./capture/asseen.js";
import { startPassiveBuffer } from "./capture/passive.js";
import { takeViewportShot } from "./capture/viewport.js";
import { discardWorkFolder, sweepWorkFolders } from "./archive/workfolder.js";
import { fetchChallenge } from "./queue/challenge.js";
import { pump } from "./queue/pump.js";
import { hasWork } from "./queue/reducer.js";
import { runCapture } from "./queue/run.js";
import { Runs } from "./queue/runs.js";
import { openStore } from "./queue/store.js";
import { readBuild } from "./seal/build.js";

const ALARM = "pump";
const AWAKE_MS = 20_000; // an idle worker is ended after 30 s; a pending fetch does not count as work
const passive = startPassiveBuffer();
const changes = new BroadcastChannel("holdstill-queue");

chrome.runtime.onInstalled.addListener(() => void schedulePump());
chrome.runtime.onStartup.addListener(() => {
  void schedulePump();
  void sweepWorkFolders(new Date());
});
chrome.alarms.onAlarm.addListener((alarm) => void (alarm.name === ALARM && pumpQueue({ patient: false })));
chrome.runtime.onMessage.addListener((message, sender, answer) => {
  const handle = sender.origin === location.origin ? MESSAGES[/** @type {keyof typeof MESSAGES} */ (message?.type)] : undefined;
  if (handle === undefined) return false; // pages and content scripts have nothing to say to the queue
  handle(message).then(answer, (error) => answer({ error: String(error?.name ?? "error") }));
  return true;
});

/** The one table of messages: what the extension's own pages may ask. */
const MESSAGES = {
  /** @param {{tabId: number, draft?: import("./queue/runs.js").Draft}} message */
  "capture.start": (message) => stayAwake(() => startCapture(message)),
  "queue.pump": () => schedulePump(),
};

/** @param {{tabId: number, draft?: import("./queue/runs.js").Draft}} wish @returns {Promise<{phase: string} | {busy: true}>} when the run has ended */
async function startCapture({ tabId, draft }) {
  const tab = /** @type {chrome.tabs.Tab & {id: number}} */ (await chrome.tabs.get(tabId));
  const opening = openStore(); // not awaited here: the shot comes first
  try {
    const run = await runCapture({ tab, draft }, {
      store: opening,
      runs: new Runs(chrome.storage.session),
      locks: navigator.locks,
      takeViewportShot,
      captureAsSeen: (target, options) => captureAsSeen(target, { ...options, passive }),
      discardWorkFolder,
      fetchChallenge: async () => {
        const pairing = await (await opening).readPairing();
        return pairing && pairing.revokedAt === null ? fetchChallenge(pairing) : null;
      },
      readBuild,
      readDefaultCase: async () => /** @type {string | null} */ ((await chrome.storage.local.get("lastCase"))["lastCase"] ?? null),
      now: () => new Date(),
    });
    if (run === null) return { busy: true };
    if (run.phase === "queued") {
      changes.postMessage({ captureId: run.captureId });
      void schedulePump();
    }
    return { phase: run.phase };
  } finally {
    (await opening).close();
  }
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
