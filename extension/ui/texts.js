/** Every word a person reads comes from _locales, through here. */

/** @param {string} key @param {...(string | number)} values @returns {string} */
export function text(key, ...values) {
  return chrome.i18n.getMessage(key, values.map(String)) || key;
}

/** Fills `data-text`, `data-placeholder`, `data-title` and `data-label` (aria-label) of a page. @param {Document} page */
export function localise(page) {
  page.documentElement.lang = chrome.i18n.getUILanguage();
  for (const node of page.querySelectorAll("[data-text]")) node.textContent = text(node.getAttribute("data-text") ?? "");
  for (const node of page.querySelectorAll("[data-placeholder]")) node.setAttribute("placeholder", text(node.getAttribute("data-placeholder") ?? ""));
  for (const node of page.querySelectorAll("[data-title]")) node.setAttribute("title", text(node.getAttribute("data-title") ?? ""));
  for (const node of page.querySelectorAll("[data-label]")) node.setAttribute("aria-label", text(node.getAttribute("data-label") ?? ""));
}

const DAY = /** @type {const} */ ({ year: "numeric", month: "short", day: "numeric" });
const CLOCK = /** @type {const} */ ({ hour: "numeric", minute: "2-digit", timeZoneName: "short" });

/** @param {string | number | Date} moment @returns {string} today the time, before that the day too; in the zone of this computer, which is named */
export function formatTime(moment) {
  const date = new Date(moment);
  const isToday = date.toDateString() === new Date().toDateString();
  return date.toLocaleString(undefined, isToday ? { ...CLOCK, second: "2-digit" } : { ...DAY, ...CLOCK });
}

/** @param {number} sizeBytes @returns {string} */
export function formatSize(sizeBytes) {
  const [unit, size] = sizeBytes >= 1 << 30 ? ["gigabyte", sizeBytes / (1 << 30)] : sizeBytes >= 1 << 20 ? ["megabyte", sizeBytes / (1 << 20)] : ["kilobyte", sizeBytes / 1024];
  return new Intl.NumberFormat(undefined, { style: "unit", unit: String(unit), maximumFractionDigits: Number(size) < 10 ? 1 : 0 }).format(Number(size));
}

/** @param {string} id @returns {any} the page's element: a missing one is a fault of this program */
export function element(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no #${id}`);
  return found;
}

/**
 * @template {keyof HTMLElementTagNameMap} K @param {K} name @param {string} className @param {string} [content] set as text, never as markup
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(name, className, content = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = content;
  return made;
}

/** @param {string} url @returns {string} the host; for a page without one (data:, file:) its scheme */
export function hostOf(url) {
  return URL.canParse(url) ? new URL(url).host || new URL(url).protocol : "";
}
