/**
 * Batches and their entries, in a database of their own: a list of addresses is no evidence, and the evidence's database need not change for it.
 *
 * Every write is one transaction with `durability: "strict"`: when it resolves, a crash does not take it back.
 * @typedef {import("./reducer.js").Batch} Batch
 * @typedef {import("./reducer.js").Entry} Entry
 */

const NAME = "holdstill-batches";
const KEPT = 20;

/** @param {IDBFactory} [factory] @returns {Promise<BatchStore>} */
export async function openBatches(factory = indexedDB) {
  const request = factory.open(NAME, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("batches", { keyPath: "id" });
    request.result.createObjectStore("entries", { keyPath: ["batchId", "index"] });
  };
  return new BatchStore(await settle(request));
}

export class BatchStore {
  /** @param {IDBDatabase} db */
  constructor(db) {
    this.db = db;
    db.onversionchange = () => db.close();
  }

  close() {
    this.db.close();
  }

  /** Adds a batch; of the older ones the newest are kept. @param {Batch} batch @param {Entry[]} added */
  async add(batch, added) {
    const older = (await this.list()).slice(KEPT - 1);
    await this.#write((batches, entries) => {
      batches.put(batch);
      for (const entry of added) entries.put(entry);
      for (const { id } of older) {
        batches.delete(id);
        entries.delete(IDBKeyRange.bound([id, 0], [id, Infinity]));
      }
    });
  }

  /** @returns {Promise<Batch[]>} newest first */
  async list() {
    const all = await settle(this.db.transaction("batches").objectStore("batches").getAll());
    return all.sort((left, right) => right.createdAt.localeCompare(left.createdAt));
  }

  /** @param {string} batchId @returns {Promise<Entry[]>} in the list's order */
  async entries(batchId) {
    return settle(this.db.transaction("entries").objectStore("entries").getAll(IDBKeyRange.bound([batchId, 0], [batchId, Infinity])));
  }

  /**
   * Changes a batch, and an entry with it, in one transaction.
   * @param {string} batchId @param {(batch: Batch) => Batch} change pure @param {(batch: Batch) => Entry | null} [entryOf] to put beside it @returns {Promise<Batch | null>} null: gone
   */
  async update(batchId, change, entryOf = () => null) {
    /** @type {Batch | null} */
    let next = null;
    await this.#write((batches, entries) => {
      const asked = batches.get(batchId);
      asked.onsuccess = () => {
        if (asked.result === undefined) return;
        const changed = change(asked.result);
        const entry = entryOf(changed);
        batches.put(changed);
        if (entry !== null) entries.put(entry);
        next = changed;
      };
    });
    return next;
  }

  /** @param {Entry} entry */
  async putEntry(entry) {
    await this.#write((_batches, entries) => void entries.put(entry));
  }

  /** @param {(batches: IDBObjectStore, entries: IDBObjectStore) => void} work @returns {Promise<void>} once it is on disk */
  async #write(work) {
    const transaction = this.db.transaction(["batches", "entries"], "readwrite", { durability: "strict" });
    await new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(undefined);
      transaction.onabort = () => reject(transaction.error ?? new DOMException("transaction aborted", "AbortError"));
      work(transaction.objectStore("batches"), transaction.objectStore("entries"));
    });
  }
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function settle(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
