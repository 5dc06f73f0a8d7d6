import { sentOf, shownState } from "./steps.js";
import { formatSize, formatTime, hostOf, text } from "./texts.js";

/**
 * @typedef {import("../queue/reducer.js").Item} Item
 * @typedef {{retry: (captureId: string) => void, discard: (captureId: string) => void, origin: string | undefined,
 *   limit?: number, more?: (item: Item) => HTMLElement}} Context `origin`: of the service that is paired now; `more`: a part below each entry
 */

const SHOWN = 20;

/**
 * Draws the newest captures into `list`. Page titles and URLs come from strangers: they are set as text, never as markup.
 * @param {HTMLElement} list @param {Item[]} items oldest first @param {Context} context
 */
export function drawQueue(list, items, context) {
  const open = new Set([...list.querySelectorAll("li:has(> details[open])")].map((entry) => /** @type {HTMLElement} */ (entry).dataset["captureId"]));
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["key"] : undefined;
  list.replaceChildren(...items.slice(-(context.limit ?? SHOWN)).reverse().map((item) => drawItem(item, context)));
  for (const part of list.querySelectorAll("li > details")) if (open.has(part.parentElement?.dataset["captureId"])) /** @type {HTMLDetailsElement} */ (part).open = true;
  if (focused) list.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.dispatchEvent(new Event("refocus"));
}

/** @param {Item} item @param {Context} context */
function drawItem(item, context) {
  const entry = document.createElement("li");
  const state = shownState(item);
  entry.dataset["state"] = state;
  entry.dataset["captureId"] = item.captureId;
  const top = node("div", "top");
  top.append(drawName(item), node("span", "state", text(`state_${state}`)));
  entry.append(top, node("p", "quiet", `${hostOf(item.page.url)} · ${formatTime(item.createdAt)}`), ...drawFacts(item, context));
  const buttons = node("div", "actions");
  if (item.retryAt !== null || item.state === "failed") buttons.append(button("retry", item, context.retry));
  if (item.state === "queued") buttons.append(button("discard", item, context.discard));
  if (buttons.childElementCount > 0) entry.append(buttons);
  if (context.more) entry.append(context.more(item));
  return entry;
}

/** @param {Item} item @returns {HTMLElement} a link once the service knows the capture */
function drawName(item) {
  const title = item.page.title || item.page.url;
  if (item.committed === null || item.service === null) return node("span", "name", title);
  const link = /** @type {HTMLAnchorElement} */ (node("a", "name", title));
  link.href = `${item.service.serverUrl}/captures/${item.captureId}`;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  link.title = text("open_capture", title);
  link.dataset["key"] = `open-${item.captureId}`;
  return link;
}

/** @param {Item} item @param {Context} context @returns {HTMLElement[]} */
function drawFacts(item, { origin }) {
  const lines = [];
  if (item.committed) lines.push(node("p", "quiet proof", text("proof_committed", formatTime(item.committed.time), item.committed.index)));
  if (item.sealed) lines.push(node("p", "quiet proof", text("proof_sealed", formatTime(item.sealed.time), item.sealed.index)));
  if (item.state === "uploading") {
    const { sentBytes, sizeBytes } = sentOf(item);
    lines.push(node("p", "quiet", text("sending", formatSize(sentBytes), formatSize(sizeBytes))));
  }
  if (item.state !== "sealed" && item.service !== null && origin !== undefined && item.service.origin !== origin) {
    lines.push(node("p", "why", text("reason_other_service")));
  } else if (item.reason !== null) {
    const next = item.retryAt === null ? "" : ` ${text("next_try", formatTime(item.retryAt))}`;
    lines.push(node("p", "why", `${text(`reason_${item.reason}`)}${next}`));
  }
  return lines;
}

/** @param {"retry" | "discard"} key @param {Item} item @param {(captureId: string) => void} act */
function button(key, item, act) {
  const made = /** @type {HTMLButtonElement} */ (node("button", key === "discard" ? "plain small danger" : "plain small", text(key)));
  made.type = "button";
  made.dataset["key"] = `${key}-${item.captureId}`;
  made.setAttribute("aria-label", `${text(key)}: ${item.page.title || item.page.url}`);
  made.addEventListener("click", () => act(item.captureId));
  return made;
}

/** @param {string} name @param {string} className @param {string} [content] @returns {HTMLElement} */
function node(name, className, content = "") {
  const made = document.createElement(name === "a" ? "a" : name);
  made.className = className;
  made.textContent = content;
  made.addEventListener("refocus", () => made.focus());
  return made;
}
