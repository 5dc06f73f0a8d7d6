/**
 * How much room the browser still has for captures, so that a person is told before one is lost to a full disk.
 * @typedef {{freeBytes: number, usedBytes: number, needBytes: number}} Room `needBytes`: what one more capture may need while it is made
 */

const LEAST_BYTES = 100 << 20;
const COPIES = 3; // the archive while it is written, its copy in the queue, and what the browser writes beside them
const RECENT = 20;

/**
 * @param {Pick<StorageManager, "estimate">} storage @param {import("./reducer.js").Item[]} items oldest first
 * @returns {Promise<Room | null>} null: the browser does not say
 */
export async function readRoom(storage, items) {
  const { quota, usage } = await storage.estimate();
  if (quota === undefined || usage === undefined) return null;
  return { freeBytes: Math.max(0, quota - usage), usedBytes: usage, needBytes: needOf(items) };
}

/** @param {import("./reducer.js").Item[]} items @returns {number} three times the largest of the last twenty captures, at least 100 MiB */
export function needOf(items) {
  const sizes = items.slice(-RECENT).map(({ artifacts }) => artifacts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  return Math.max(LEAST_BYTES, COPIES * Math.max(0, ...sizes));
}

/** @param {Room | null} room @returns {boolean} the next capture may not fit; an unknown room is not called tight */
export function isTight(room) {
  return room !== null && room.freeBytes < room.needBytes;
}
