import { isShutOut } from "../queue/reducer.js";
import { withStore } from "../queue/store.js";
import { onLoaded, onShown, readAuto } from "./watch.js";

const SETTLE_MS = 1000; // pages that write themselves do so just after they have loaded
const BADGE = { text: "A", color: "#0f5c62" };

/**
 * Registers the listeners of the automatic captures. Call it at the top level of the background script.
 * @param {(tabId: number) => Promise<import("../queue/runs.js").Run | null>} capture null: the tab is being captured already
 */
export function watchBrowsing(capture) {
  const tools = {
    local: chrome.storage.local, session: chrome.storage.session, locks: navigator.locks, now: Date.now,
    capture: async (/** @type {number} */ tabId) => outcomeOf(await capture(tabId)),
    isShutOut: () => withStore(async (store) => isShutOut(await store.readPairing(), await store.listItems())),
    pause: (/** @type {number} */ ms) => new Promise((/** @type {(value: void) => void} */ resolve) => { setTimeout(resolve, ms); }),
    readTab: async (/** @type {number} */ tabId) => {
      const { active, incognito, url } = await chrome.tabs.get(tabId);
      return { active, incognito, url: url ?? "" };
    },
  };
  const gone = () => undefined; // the tab was closed meanwhile
  const loaded = (/** @type {{frameId: number, tabId: number, url: string}} */ { frameId, tabId, url }) => {
    if (frameId === 0) setTimeout(() => void onLoaded({ tabId, url }, tools).catch(gone), SETTLE_MS);
  };
  chrome.webNavigation.onCompleted.addListener(loaded);
  chrome.webNavigation.onHistoryStateUpdated.addListener(loaded); // pages that change their address without loading anew
  chrome.tabs.onActivated.addListener(({ tabId }) => void onShown(tabId, tools).catch(gone));
  chrome.storage.local.onChanged.addListener((changes) => void ("auto" in changes && showBadge()));
}

/** @param {import("../queue/runs.js").Run | null} run ended @returns {import("./watch.js").Outcome} */
function outcomeOf(run) {
  if (run === null) return "busy";
  return run.phase === "queued" || run.phase === "discarded" ? "done" : "failed";
}

/** The badge says that pages are captured without a click. */
export async function showBadge() {
  const { isOn } = await readAuto({ local: chrome.storage.local });
  await chrome.action.setBadgeText({ text: isOn ? BADGE.text : "" });
  await chrome.action.setBadgeBackgroundColor({ color: BADGE.color });
  await chrome.action.setTitle({ title: chrome.i18n.getMessage(isOn ? "acts_auto_title" : "actionTitle") });
}
