import { bodyName, readBody, writeFile } from "./bodies.js";

/** @typedef {import("./types.js").Exchange} Exchange */
/** @typedef {import("./network.js").NetworkLog} NetworkLog */

const SAVE_MS = 1000;

/**
 * Keeps the list of exchanges beside the bodies, once a second while it changes, so that a recording outlives the worker that made it.
 * Each save is a file of its own that holds what changed; a later one is right where two tell of the same exchange.
 */
export class RecordedJournal {
  /** @param {FileSystemDirectoryHandle} folder @param {NetworkLog} log */
  constructor(folder, log) {
    this.folder = folder;
    this.log = log;
    this.count = 0;
    this.saving = Promise.resolve();
    this.timer = setInterval(() => void this.save().catch(() => {}), SAVE_MS);
  }

  /** @returns {Promise<void>} when everything so far is durable */
  save() {
    this.saving = this.saving.catch(() => {}).then(async () => {
      const changed = this.log.takeChanged();
      if (changed.length === 0) return;
      this.count += 1;
      await writeFile(this.folder, journalName(this.count), JSON.stringify(changed));
    });
    return this.saving;
  }

  /** @returns {Promise<void>} */
  async close() {
    clearInterval(this.timer);
    await this.save();
  }
}

/**
 * The exchanges of a recording whose worker died, as far as they were kept. A body that was not closed is dropped, and said to be missing.
 * @param {FileSystemDirectoryHandle} folder @returns {Promise<Exchange[]>}
 */
export async function readJournal(folder) {
  /** @type {Map<string, Exchange>} */
  const byKey = new Map();
  for (let count = 1; ; count += 1) {
    const handle = await folder.getFileHandle(journalName(count)).catch(() => null);
    if (handle === null) break;
    const text = await (await handle.getFile()).text();
    if (text === "") break; // the worker died while this one was written
    for (const exchange of /** @type {Exchange[]} */ (JSON.parse(text))) byKey.set(exchange.key, exchange);
  }
  const exchanges = [...byKey.values()];
  for (const exchange of exchanges) {
    if (exchange.omitted !== "") continue;
    const body = await readBody(folder, bodyName(exchange.key));
    if (!exchange.exact && exchange.bodyNote === "" || body === null || body.size !== exchange.sizeBytes) exchange.omitted = "still loading when the recording was cut off";
  }
  return exchanges;
}

/** @param {number} count */
function journalName(count) {
  return `journal-${String(count).padStart(6, "0")}.json`;
}
