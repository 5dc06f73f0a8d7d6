import { element, text } from "./texts.js";

/** @typedef {import("../queue/observations.js").Box} Box */
/** @typedef {import("../queue/runs.js").Preview} Preview */

const STEP = 10;

/**
 * Asks for a rectangle on the small copy of the viewport shot. Nothing happens to the page.
 *
 * Mouse or pen: drag. Keys: arrows move the rectangle, with Shift they change its size (Alt: by one pixel), Enter takes it, Escape gives up.
 * @param {Preview} preview @param {string} title what is being marked @returns {Promise<Box | null>} CSS pixels of the viewport; null: given up
 */
export async function pickRegion(preview, title) {
  const [dialog, stage, shot, mark] = ["region", "region-stage", "region-shot", "region-mark"].map((id) => element(id));
  element("region-title").textContent = title;
  shot.src = preview.dataUrl;
  await shot.decode();
  /** @type {Box} */
  let box = fitBox({ x: preview.width * 0.3, y: preview.height * 0.3, width: preview.width * 0.4, height: preview.height * 0.4 }, preview);
  const show = (/** @type {Box} */ next) => {
    box = fitBox(next, preview);
    const part = (/** @type {number} */ value, /** @type {number} */ whole) => `${(100 * value) / whole}%`;
    Object.assign(mark.style, { left: part(box.x, preview.width), top: part(box.y, preview.height), width: part(box.width, preview.width), height: part(box.height, preview.height) });
    element("region-size").textContent = text("region_size", box.width, box.height);
  };
  const ends = new AbortController();
  return new Promise((resolve) => {
    const end = (/** @type {Box | null} */ answer) => {
      ends.abort();
      dialog.close();
      resolve(answer);
    };
    const on = (/** @type {EventTarget} */ target, /** @type {string} */ name, /** @type {(event: any) => void} */ act) => target.addEventListener(name, act, { signal: ends.signal });
    on(stage, "keydown", (event) => {
      const next = movedBox(box, event);
      if (event.key === "Enter") end(box);
      else if (next) show(next);
      if (next || event.key === "Enter") event.preventDefault();
    });
    on(stage, "pointerdown", (down) => drag(down, stage, preview, show));
    on(element("region-take"), "click", () => end(box));
    on(element("region-cancel"), "click", () => end(null));
    on(dialog, "cancel", () => end(null));
    dialog.showModal();
    show(box);
    stage.focus();
  });
}

/** @param {PointerEvent} down @param {HTMLElement} stage @param {Preview} preview @param {(box: Box) => void} show */
function drag(down, stage, preview, show) {
  const bounds = stage.getBoundingClientRect();
  const scale = preview.width / bounds.width;
  const place = (/** @type {PointerEvent} */ event) => ({ x: (event.clientX - bounds.left) * scale, y: (event.clientY - bounds.top) * scale });
  const from = place(down);
  const ends = new AbortController();
  down.preventDefault();
  stage.focus();
  stage.setPointerCapture(down.pointerId);
  stage.addEventListener("pointermove", (event) => {
    const to = place(event);
    show({ x: Math.min(from.x, to.x), y: Math.min(from.y, to.y), width: Math.abs(to.x - from.x), height: Math.abs(to.y - from.y) });
  }, { signal: ends.signal });
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) stage.addEventListener(name, () => ends.abort(), { signal: ends.signal });
}

/** @param {Box} box @param {{width: number, height: number}} size @returns {Box} whole pixels, inside, not empty */
export function fitBox(box, size) {
  const width = Math.round(Math.min(Math.max(box.width, 1), size.width));
  const height = Math.round(Math.min(Math.max(box.height, 1), size.height));
  return { x: Math.round(Math.min(Math.max(box.x, 0), size.width - width)), y: Math.round(Math.min(Math.max(box.y, 0), size.height - height)), width, height };
}

/** @param {Box} box @param {{key: string, shiftKey: boolean, altKey: boolean}} event @returns {Box | null} null: not one of these keys */
export function movedBox(box, { key, shiftKey, altKey }) {
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  if (way === undefined) return null;
  const [x, y] = way.map((part) => part * (altKey ? 1 : STEP));
  return shiftKey ? { ...box, width: box.width + x, height: box.height + y } : { ...box, x: box.x + x, y: box.y + y };
}
