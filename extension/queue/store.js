/**
 * What the extension keeps: the device key, the pairing, the captures and their payloads, in one IndexedDB database.
 *
 * Every write is one transaction with `durability: "strict"`: when a promise of this module resolves, a crash of the worker,
 * the browser or the machine does not take the write back. Open one Store for each piece of work; several may be open at a time.
 * @typedef {import("./reducer.js").Item} Item
 * @typedef {{serverUrl: string, origin: string, logVkey: string, serviceVkey: string, deviceId: string, token: string, keyId: string,
 *   label: string, pairedAt: string, revokedAt: string | null}} Pairing
 */

const NAME = "holdstill";
const VERSION = 1;
const STORES = /** @type {const} */ (["keys", "pairing", "items", "payloads"]);

/** @param {IDBFactory} factory @returns {Promise<Store>} */
export async function openStore(factory = indexedDB) {
  const request = factory.open(NAME, VERSION);
  request.onupgradeneeded = () => {
    for (const name of STORES) request.result.createObjectStore(name);
  };
  return new Store(await settle(request));
}

/** @template T @param {(store: Store) => Promise<T>} work @returns {Promise<T>} with a store of its own, closed afterwards */
export async function withStore(work) {
  const store = await openStore();
  try {
    return await work(store);
  } finally {
    store.close();
  }
}

export class Store {
  /** @param {IDBDatabase} db */
  constructor(db) {
    this.db = db;
    db.onversionchange = () => db.close(); // a newer version of the extension must not wait for this one
  }

  close() {
    this.db.close();
  }

  /** @returns {Promise<import("../seal/keys.js").DeviceKey | undefined>} */
  async readKey() {
    return this.#read("keys", "device");
  }

  /** @param {import("../seal/keys.js").DeviceKey} key @returns {Promise<import("../seal/keys.js").DeviceKey>} the stored one: the first of two racing writers wins */
  async addKey(key) {
    return this.#write(["keys"], async (transaction) => {
      const keys = transaction.objectStore("keys");
      const known = await settle(keys.get("device"));
      if (known === undefined) await settle(keys.put(key, "device"));
      return known ?? key;
    });
  }

  /** @returns {Promise<Pairing | undefined>} */
  async readPairing() {
    return this.#read("pairing", "current");
  }

  /** @param {Pairing} pairing @param {import("../seal/keys.js").DeviceKey} key the key the service enrolled: both or neither are stored */
  async savePairing(pairing, key) {
    await this.#write(["pairing", "keys"], async (transaction) => {
      await settle(transaction.objectStore("keys").put(key, "device"));
      await settle(transaction.objectStore("pairing").put(pairing, "current"));
    });
  }

  /** @param {string} token the token the service refused @param {Date} now */
  async markRevoked(token, now) {
    await this.#write(["pairing"], async (transaction) => {
      const pairings = transaction.objectStore("pairing");
      /** @type {Pairing | undefined} */
      const pairing = await settle(pairings.get("current"));
      if (pairing && pairing.token === token && pairing.revokedAt === null) {
        await settle(pairings.put({ ...pairing, revokedAt: now.toISOString() }, "current"));
      }
    });
  }

  /** @returns {Promise<Item[]>} oldest first */
  async listItems() {
    const items = await settle(this.db.transaction("items").objectStore("items").getAll());
    return items.sort((left, right) => left.createdAt.localeCompare(right.createdAt) || left.captureId.localeCompare(right.captureId));
  }

  /** @param {string} captureId @returns {Promise<Item | undefined>} */
  async readItem(captureId) {
    return this.#read("items", captureId);
  }

  /**
   * Keeps a sealed capture: the item and every payload, or nothing. Repeating is success.
   * @param {Item} item @param {Map<string, Blob>} payloads by SHA-256
   */
  async addItem(item, payloads) {
    await this.#write(["items", "payloads"], async (transaction) => {
      const items = transaction.objectStore("items");
      if ((await settle(items.get(item.captureId))) !== undefined) return;
      const store = transaction.objectStore("payloads");
      for (const [sha256, blob] of payloads) store.put(blob, payloadKey(item.captureId, sha256));
      await settle(items.put(item, item.captureId));
    });
  }

  /**
   * Changes one item in one transaction. `change` is a pure function; it gives back the new item, or `null` to remove it.
   * @param {string} captureId @param {(item: Item) => Item | null} change @returns {Promise<Item | null>} null when it is gone
   */
  async updateItem(captureId, change) {
    return this.#write(["items", "payloads"], async (transaction) => {
      const items = transaction.objectStore("items");
      const item = await settle(items.get(captureId));
      if (item === undefined) return null;
      const next = change(item);
      if (next === null) await settle(items.delete(captureId));
      else await settle(items.put(next, captureId));
      // Bytes leave the browser's disk only with a verified receipt of the seal, or with the person's discard.
      if (next === null || next.state === "sealed") {
        await settle(transaction.objectStore("payloads").delete(IDBKeyRange.bound(`${captureId}/`, `${captureId}0`)));
      }
      return next;
    });
  }

  /** @param {string} captureId @param {string} sha256 @returns {Promise<Blob | undefined>} */
  async readPayload(captureId, sha256) {
    return this.#read("payloads", payloadKey(captureId, sha256));
  }

  /** @param {typeof STORES[number]} store @param {string} key @returns {Promise<any>} */
  async #read(store, key) {
    return settle(this.db.transaction(store).objectStore(store).get(key));
  }

  /**
   * @template T @param {(typeof STORES[number])[]} stores @param {(transaction: IDBTransaction) => Promise<T>} work
   * @returns {Promise<T>} once the transaction is complete: on disk
   */
  async #write(stores, work) {
    const transaction = this.db.transaction(stores, "readwrite", { durability: "strict" });
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(undefined);
      transaction.onabort = () => reject(transaction.error ?? new DOMException("transaction aborted", "AbortError"));
    });
    try {
      const value = await work(transaction);
      await done;
      return value;
    } catch (error) {
      done.catch(() => undefined); // the abort below is the consequence, `error` the cause
      try {
        transaction.abort();
      } catch {
        // already finished: nothing of it was kept
      }
      throw error;
    }
  }
}

/** @param {string} captureId @param {string} sha256 */
function payloadKey(captureId, sha256) {
  return `${captureId}/${sha256}`;
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function settle(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
