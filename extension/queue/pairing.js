import { base64 } from "../seal/encoding.js";
import { SealError } from "../seal/errors.js";
import { generateDeviceKey } from "../seal/keys.js";
import { parseVkey } from "../seal/note.js";
import { Problem, ServiceClient } from "./client.js";
import { reduce } from "./reducer.js";

/** @typedef {import("./store.js").Pairing} Pairing */

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
const MAX_LABEL = 100;

/** The pairing cannot be made as asked. `code` is a code of _locales (pair_<code>). */
export class PairingRefused extends Error {
  /** @param {"url" | "insecure" | "code" | "keys" | "keys_changed"} code */
  constructor(code) {
    super(code);
    this.name = "PairingRefused";
    this.code = code;
  }
}

/**
 * @param {string} text what the person typed: "evidence.example", "http://127.0.0.1:8040/"
 * @returns {string} its origin: scheme, host, port; a path (of a page someone copied) is dropped @throws {PairingRefused}
 */
export function parseServerUrl(text) {
  const trimmed = text.trim();
  const bare = trimmed.replace(/[/:].*$/, "");
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `${LOOPBACK.test(bare) ? "http" : "https"}://${trimmed}`;
  if (/\s/.test(trimmed) || !URL.canParse(full)) throw new PairingRefused("url");
  const url = new URL(full);
  if (!["http:", "https:"].includes(url.protocol) || url.username !== "" || url.password !== "") throw new PairingRefused("url");
  // Over plain HTTP anyone on the way reads the token and the evidence; only this machine itself is excepted.
  if (url.protocol === "http:" && !LOOPBACK.test(url.hostname)) throw new PairingRefused("insecure");
  return url.origin;
}

/** @param {import("./store.js").Store} store @param {Date} now @returns {Promise<import("../seal/keys.js").DeviceKey>} made at the first need */
export async function ensureDeviceKey(store, now) {
  return (await store.readKey()) ?? store.addKey(await generateDeviceKey(now));
}

/**
 * Enrols this browser's key with a service and pins the keys it names.
 *
 * The browser keeps its key from pairing to pairing. Only a service that refuses it, because it was revoked, gets a new one; captures
 * not yet committed are then signed anew (see pump.js). A refused key costs no pairing code.
 * Pairing again with a service whose log key differs from the pinned one needs `acceptNewKeys`: an operator who swaps the log must not
 * do so unseen.
 * @param {import("./store.js").Store} store @param {{serverUrl: string, pairingCode: string, label: string, acceptNewKeys?: boolean}} wish
 * @param {{fetch?: import("./client.js").Fetch, now?: Date}} [environment]
 * @returns {Promise<Pairing>} stored @throws {PairingRefused | import("./client.js").Problem | import("./client.js").Unreachable | SealError}
 */
export async function pairDevice(store, wish, { fetch, now = new Date() } = {}) {
  const serverUrl = parseServerUrl(wish.serverUrl);
  const pairingCode = wish.pairingCode.trim();
  if (pairingCode === "" || pairingCode.length > 100) throw new PairingRefused("code");
  const former = await store.readPairing();
  const label = wish.label.trim().slice(0, MAX_LABEL) || "Browser";
  const client = new ServiceClient({ serverUrl, ...(fetch && { fetch }) });
  const { key, answer } = await enrol(client, { pairingCode, label }, await ensureDeviceKey(store, now), now);
  const keys = parseKeys(answer);
  if (former && former.origin === keys.origin && !wish.acceptNewKeys && (former.logVkey !== keys.logVkey || former.serviceVkey !== keys.serviceVkey)) {
    throw new PairingRefused("keys_changed");
  }
  const pairing = { serverUrl, ...keys, keyId: key.keyId, label, pairedAt: now.toISOString(), revokedAt: null };
  await store.savePairing(pairing, key);
  for (const item of await store.listItems()) {
    if (item.reason === "pairing_revoked") await store.updateItem(item.captureId, (current) => reduce(current, { type: "retried" }));
  }
  return pairing;
}

/**
 * @param {ServiceClient} client @param {{pairingCode: string, label: string}} wish @param {import("../seal/keys.js").DeviceKey} key @param {Date} now
 * @returns {Promise<{key: import("../seal/keys.js").DeviceKey, answer: unknown}>} the key that was enrolled: `key`, or a new one if that is revoked
 */
async function enrol(client, wish, key, now) {
  try {
    return { key, answer: await client.pair({ ...wish, publicKey: base64(key.spki) }) };
  } catch (error) {
    if (!(error instanceof Problem && error.code === "device_key_refused")) throw error;
    const fresh = await generateDeviceKey(now);
    return { key: fresh, answer: await client.pair({ ...wish, publicKey: base64(fresh.spki) }) };
  }
}

/** @param {any} answer @returns {Pick<Pairing, "origin" | "logVkey" | "serviceVkey" | "deviceId" | "token">} */
function parseKeys(answer) {
  const { origin, log_vkey: logVkey, service_vkey: serviceVkey, device_id: deviceId, token } = answer ?? {};
  for (const member of [origin, logVkey, serviceVkey, deviceId, token]) {
    if (typeof member !== "string" || member === "") throw new PairingRefused("keys");
  }
  try {
    if (parseVkey(logVkey).name !== origin || parseVkey(serviceVkey).name !== `${origin}/service`) throw new PairingRefused("keys");
  } catch (error) {
    if (error instanceof SealError) throw new PairingRefused("keys");
    throw error;
  }
  return { origin, logVkey, serviceVkey, deviceId, token };
}
