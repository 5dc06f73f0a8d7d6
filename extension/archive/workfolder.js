const ROOT = "captures";
const STALE_MS = 24 * 60 * 60 * 1000;

/**
 * A folder of the origin's private file system for one capture's files, or null where the browser has none.
 * @param {Date} now @returns {Promise<{name: string, handle: FileSystemDirectoryHandle} | null>} `name` begins with the time, so that age shows
 */
export async function createWorkFolder(now) {
  const root = await openRoot();
  if (root === null) return null;
  const name = `${now.getTime()}-${crypto.randomUUID()}`;
  return { name, handle: await root.getDirectoryHandle(name, { create: true }) };
}

/** @param {string} name @returns {Promise<FileSystemDirectoryHandle | null>} a folder made earlier, by this worker or one before it; null: it is gone */
export async function openWorkFolder(name) {
  const root = await openRoot();
  return root === null ? null : root.getDirectoryHandle(name).catch(() => null);
}

/**
 * Removes one capture's files; Blobs that were made of them cannot be read any more. A folder in which something is still being written stays until
 * it is swept: what is in the queue does not fail because of what is left on the floor.
 * @param {string | null} name @returns {Promise<void>}
 */
export async function discardWorkFolder(name) {
  const root = name === null ? null : await openRoot();
  if (root === null || name === null) return;
  try {
    await root.removeEntry(name, { recursive: true });
  } catch (error) {
    if (!(error instanceof DOMException && (error.name === "NotFoundError" || error.name === "NoModificationAllowedError"))) throw error;
  }
}

/**
 * Removes what killed captures left behind: folders older than a day. Call it at start-up, when the queue has its own copies.
 * @param {Date} now @returns {Promise<number>} how many were removed
 */
export async function sweepWorkFolders(now) {
  const root = await openRoot();
  if (root === null) return 0;
  const stale = [];
  for await (const name of /** @type {AsyncIterable<string>} */ (/** @type {any} */ (root).keys())) {
    const madeAt = Number.parseInt(name, 10);
    if (!(now.getTime() - madeAt < STALE_MS)) stale.push(name);
  }
  for (const name of stale) await root.removeEntry(name, { recursive: true });
  return stale.length;
}

/** @returns {Promise<FileSystemDirectoryHandle | null>} */
async function openRoot() {
  if (typeof navigator === "undefined" || !navigator.storage?.getDirectory) return null;
  return (await navigator.storage.getDirectory()).getDirectoryHandle(ROOT, { create: true });
}
