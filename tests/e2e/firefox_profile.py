"""What a test's Firefox is set to, and what is run inside of it."""

import json
from typing import Any

ADDON_ID = "holdstill@holdstill.local"
UUID = "7d3cf0a4-9f0e-4a6b-8a55-6f5f2c1be0d3"
PREFS: dict[str, Any] = {
    "extensions.webextensions.uuids": json.dumps({ADDON_ID: UUID}),
    "xpinstall.signatures.required": False,  # the release signs; ESR lets this be switched off
    "extensions.autoDisableScopes": 0,
    "browser.startup.page": 0,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.newtabpage.enabled": False,
    "browser.tabs.warnOnClose": False,
    "browser.sessionstore.resume_from_crash": False,
    "browser.aboutwelcome.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "marionette.port": 0,  # a free one, written into the profile
    # Nothing is asked of anybody else's servers.
    "app.update.auto": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.search.update": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.update.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "network.prefetch-next": False,
    "services.settings.server": "data:,",
}
READ_PAYLOAD = """
  const [key] = args;
  const store = await new Promise((resolve, reject) => {
    const request = indexedDB.open("holdstill");
    request.onerror = () => reject(request.error);
    request.onsuccess = () => resolve(request.result);
  });
  const blob = await new Promise((resolve, reject) => {
    const one = store.transaction("payloads").objectStore("payloads").get(key);
    one.onerror = () => reject(one.error);
    one.onsuccess = () => resolve(one.result);
  });
  store.close();
  return new Uint8Array(await blob.arrayBuffer()).toBase64();"""
READ_STORE = """
  const [name] = args;
  return await new Promise((resolve, reject) => {
    const request = indexedDB.open("holdstill");
    request.onupgradeneeded = () => request.transaction.abort(); // not made yet: reading must not make it
    request.onerror = () => resolve([]);
    request.onsuccess = () => {
      const all = request.result.transaction(name).objectStore(name).getAll();
      all.onerror = () => reject(all.error);
      all.onsuccess = () => { request.result.close(); resolve(JSON.parse(JSON.stringify(all.result))); };
    };
  });"""
CLOSE_POPUP = """
  for (const panel of document.querySelectorAll("panel")) {
    if (panel.state === "closed") continue;
    const hidden = new Promise((resolve) => panel.addEventListener("popuphidden", resolve, { once: true }));
    panel.hidePopup();
    await hidden;
  }"""
CLICK_TOOLBAR = """
  const { ExtensionParent } = ChromeUtils.importESModule("resource://gre/modules/ExtensionParent.sys.mjs");
  const { extension } = WebExtensionPolicy.getByID(args[0]);
  await ExtensionParent.apiManager.global.browserActionFor(extension).triggerAction(window);"""

PRESS_SHORTCUT = """
  const keys = [...document.querySelectorAll("keyset[id^='ext-keyset-id'] key")];
  const key = keys.find((one) => one.getAttribute("key") === "E" && /alt/.test(one.getAttribute("modifiers")));
  if (!key) throw new Error(`no Alt+Shift+E among ${keys.map((one) => one.outerHTML)}`);
  key.doCommand();"""

# What the browser itself does with an event page that has been idle for 30 seconds, at once and whatever the page is doing.
END_BACKGROUND = """
  const { extension } = WebExtensionPolicy.getByID(args[0]);
  await extension.terminateBackground({ disableResetIdleForTest: true });
  return extension.backgroundState;"""
