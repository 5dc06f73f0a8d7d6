import { NotChecked } from "./steps.js";

const MAX_ORIGINS = 60;
const LINE = /.{1,64}/g;

/**
 * The certificate chains that the browser accepted for the page's origins, as it holds them; nothing is connected to.
 * @param {import("./debugger.js").TabDebugger} tab @param {string[]} urls of what the page loaded @param {AbortSignal} signal
 * @returns {Promise<{origin: string, pem: string}[]>} leaf first @throws {NotChecked} no HTTPS, or (measured: for a
 *   page that was loaded before) the browser gives no chain
 */
export async function readCertificates(tab, urls, signal) {
  const origins = [...new Set(urls.filter((url) => /^https:/.test(url)).map((url) => new URL(url).origin))].slice(0, MAX_ORIGINS);
  if (origins.length === 0) throw new NotChecked("nothing of the page came over HTTPS");
  const chains = [];
  for (const origin of origins) {
    signal.throwIfAborted();
    const { tableNames } = await tab.send(tab.root, "Network.getCertificate", { origin });
    if (tableNames.length > 0) chains.push({ origin, pem: tableNames.map(toPem).join("") });
  }
  if (chains.length === 0) throw new NotChecked("the browser gives certificates only of connections made while the debugger is attached");
  return chains;
}

/** @param {string} der base64 @returns {string} */
export function toPem(der) {
  return `-----BEGIN CERTIFICATE-----\n${(der.match(LINE) ?? []).join("\n")}\n-----END CERTIFICATE-----\n`;
}
