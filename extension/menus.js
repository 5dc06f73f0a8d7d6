/**
 * The entries that the extension adds to the browser's menus.
 * @typedef {import("./capture/selection.js").SelectionWish} SelectionWish
 * @typedef {{kind: "seen"} & import("./capture/images/place.js").ImageWish} SeenWish
 * @typedef {Pick<chrome.contextMenus.OnClickData, "menuItemId" | "srcUrl" | "frameUrl" | "pageUrl" | "frameId">} MenuClick
 */

/** @type {{id: string, title: string, contexts: [`${chrome.contextMenus.ContextType}`, ...`${chrome.contextMenus.ContextType}`[]]}[]} title: a code of _locales */
const ENTRIES = [
  { id: "capture-image", title: "acts_menu_image", contexts: ["image"] },
  { id: "seen-before", title: "seen_menu", contexts: ["image"] },
  { id: "capture-region", title: "acts_menu_region", contexts: ["page", "frame", "image", "link", "selection", "video", "action"] },
  { id: "open-lists", title: "batch_menu", contexts: ["action"] },
];

/** Call it when the extension is installed or updated: the browser remembers menus. */
export async function addMenus() {
  await chrome.contextMenus.removeAll();
  for (const { id, title, contexts } of ENTRIES) chrome.contextMenus.create({ id, contexts, title: chrome.i18n.getMessage(title) });
}

/** @param {MenuClick} click @returns {SelectionWish | SeenWish | "lists" | null} what the person asked for; null: an entry of another version */
export function wishOf({ menuItemId, srcUrl, frameUrl, pageUrl, frameId }) {
  if (menuItemId === "open-lists") return "lists";
  if (menuItemId === "capture-region") return { kind: "region" };
  const kind = menuItemId === "capture-image" ? "image" : menuItemId === "seen-before" ? "seen" : null;
  if (kind === null || !srcUrl) return null;
  return { kind, srcUrl, frameUrl: frameUrl ?? pageUrl ?? "", frameId: frameId ?? 0 };
}
