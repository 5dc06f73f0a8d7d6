import { readBuild } from "../seal/build.js";
import { SealError } from "../seal/errors.js";
import { Problem, Unreachable } from "../queue/client.js";
import { pairDevice, PairingRefused } from "../queue/pairing.js";
import { withStore } from "../queue/store.js";
import { showBuffer } from "./buffer.js";
import { element, formatTime, localise, text } from "./texts.js";

const ALL_SITES = { origins: ["<all_urls>"] };

/** @param {string} message @param {"" | "done" | "failed"} kind */
function showStatus(message, kind) {
  const status = element("pair-status");
  status.textContent = message;
  status.dataset.kind = kind;
}

/** @returns {Promise<string | undefined>} the address of the service that the browser is paired with */
async function showPairing() {
  const pairing = await withStore((store) => store.readPairing());
  element("pinned").hidden = pairing === undefined;
  element("pair").textContent = text(pairing ? "pair_again" : "pair");
  if (!pairing) return void showStatus(text("pair_none"), "");
  element("pinned-log").textContent = pairing.logVkey;
  element("pinned-service").textContent = pairing.serviceVkey;
  element("pinned-device").textContent = pairing.keyId;
  if (pairing.revokedAt !== null) showStatus(text("pair_revoked", formatTime(pairing.revokedAt)), "failed");
  else showStatus(text("pair_done", new URL(pairing.serverUrl).host), "done");
  return pairing.serverUrl;
}

/** Fills in what is known, then lets a person type: a slow page that fills its fields later would write into what they type. */
async function openForm() {
  try {
    const [serverUrl, { os }] = await Promise.all([showPairing(), chrome.runtime.getPlatformInfo()]);
    const system = { linux: "Linux", mac: "macOS", win: "Windows", cros: "ChromeOS" }[/** @type {string} */ (os)] ?? os;
    element("server-url").value ||= serverUrl ?? ""; // Firefox keeps over a reload what was typed
    element("device-label").value ||= text("device_label_default", system);
    element("accept-new-keys").checked = false; // kept over a reload too, and then out of sight
  } finally {
    for (const control of element("pair-form").elements) control.disabled = false;
  }
}

/** @param {unknown} error @returns {string} a code of _locales (pair_<code>) */
function pairingFault(error) {
  if (error instanceof PairingRefused) return error.code;
  if (error instanceof Unreachable) return "unreachable";
  if (error instanceof SealError) return "keys";
  if (!(error instanceof Problem)) return "unkept"; // the browser's own: its database, its disk
  if (error.status === 429) return "limited";
  return error.status >= 400 && error.status < 500 && error.status !== 404 ? "refused" : "unknown";
}

async function pair() {
  const code = element("pairing-code");
  const wish = {
    serverUrl: element("server-url").value,
    pairingCode: code.value,
    label: element("device-label").value,
    acceptNewKeys: element("accept-new-keys").checked,
  };
  element("pair").disabled = true;
  showStatus(text("pair_working"), "");
  try {
    await withStore((store) => pairDevice(store, wish));
    if (code.value === wish.pairingCode) code.value = "";
    element("accept-row").hidden = true;
    element("accept-new-keys").checked = false; // for these keys only
    await showPairing();
    void chrome.runtime.sendMessage({ type: "queue.pump" }); // captures made before the pairing go out now
  } catch (error) {
    const fault = pairingFault(error);
    if (fault === "keys_changed") element("accept-row").hidden = false;
    showStatus(text(`pair_${fault}`), "failed");
  } finally {
    element("pair").disabled = false;
  }
}

async function showSites() {
  const granted = await chrome.permissions.contains(ALL_SITES);
  element("sites-status").textContent = text(granted ? "permissions_granted" : "permissions_not_granted");
  element("sites").hidden = granted; // to take it back is the browser's own page: what a manifest asks for no page can remove
}

async function allowSites() {
  await chrome.permissions.request(ALL_SITES);
  await showSites();
}

async function showAbout() {
  const { version, build } = await readBuild();
  element("version").textContent = text("about_version", version);
  element("build").textContent = text("about_build", build);
  const command = (await chrome.commands.getAll()).find((one) => one.name === "_execute_action");
  element("shortcut").textContent = command?.shortcut ? text("shortcut", command.shortcut) : text("shortcut_none");
}

localise(document);
element("pair-form").addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  void pair();
});
element("sites").addEventListener("click", () => void allowSites());
await Promise.all([openForm(), showSites(), showBuffer(), showAbout()]);
