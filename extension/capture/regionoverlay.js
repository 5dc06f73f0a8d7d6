/** @typedef {import("./types.js").Box} Box */

/**
 * Shows the shot over the page and waits for a rectangle. Runs in the page, sent as text: uses nothing from outside itself.
 *
 * Mouse or pen: drag. Keys: arrows move the rectangle, with Shift they change its size (Alt: by one pixel), Enter takes it, Escape gives up.
 * @param {string} picture PNG, base64 @param {{width: number, height: number}} size CSS pixels of the shot
 * @param {{title: string, help: string}} words
 * @returns {Promise<Box | null>} CSS pixels; null: given up. When it resolves, the page is as it was.
 */
export async function askRegion(picture, size, words) {
  document.querySelectorAll("holdstill-region").forEach((older) => older.dispatchEvent(new Event("holdstill-close")));
  const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(picture), (char) => char.charCodeAt(0))], { type: "image/png" }));
  const host = document.createElement("holdstill-region");
  const shadow = host.attachShadow({ mode: "closed" });
  const stage = document.createElement("div");
  const canvas = document.createElement("canvas");
  const mark = document.createElement("div");
  const help = document.createElement("div");
  // Styles are set on the elements one by one: a page's policy may forbid style sheets, and Firefox takes none from an extension here.
  host.style.cssText = ["all: initial", "position: fixed", "inset: 0", "width: 100vw", "height: 100vh", "max-width: none", "max-height: none", "margin: 0", "padding: 0", "border: 0",
    "overflow: hidden", "background: #000", "z-index: 2147483647", "display: block"].map((rule) => `${rule} !important`).join(";");
  stage.style.cssText = `position: absolute; left: 0; top: 0; width: ${size.width}px; height: ${size.height}px; cursor: crosshair; touch-action: none; outline: none`;
  canvas.style.cssText = "display: block; width: 100%; height: 100%";
  mark.style.cssText = "position: absolute; outline: 9999px solid rgb(0 0 0 / 45%); box-shadow: 0 0 0 2px #fff, 0 0 0 4px #0f5c62; pointer-events: none";
  help.style.cssText = "position: fixed; left: 50%; bottom: 18px; transform: translateX(-50%); padding: 8px 14px; border-radius: 8px; background: #121817; color: #fff;"
    + "font: 14px/1.4 system-ui, sans-serif; pointer-events: none; text-align: center; width: max-content; max-width: 90vw";
  stage.tabIndex = 0;
  stage.setAttribute("role", "application");
  stage.setAttribute("aria-label", `${words.title}. ${words.help}`);
  help.setAttribute("role", "status");
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
  stage.append(canvas, mark);
  shadow.append(stage, help);
  let box = { x: size.width * 0.3, y: size.height * 0.3, width: size.width * 0.4, height: size.height * 0.4 };
  const show = (/** @type {Box} */ next) => {
    const width = Math.round(Math.min(Math.max(next.width, 1), size.width));
    const height = Math.round(Math.min(Math.max(next.height, 1), size.height));
    box = { x: Math.round(Math.min(Math.max(next.x, 0), size.width - width)), y: Math.round(Math.min(Math.max(next.y, 0), size.height - height)), width, height };
    Object.assign(mark.style, { left: `${box.x}px`, top: `${box.y}px`, width: `${box.width}px`, height: `${box.height}px` });
    help.textContent = `${words.help} · ${box.width} × ${box.height}`;
  };
  show(box);
  /** @type {(answer: Box | null) => void} */
  let answer = () => {};
  /** @type {Promise<Box | null>} */
  const answered = new Promise((resolve) => { answer = resolve; });
  const keys = (/** @type {KeyboardEvent} */ event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    const step = event.altKey ? 1 : 10;
    if (event.key === "Escape") answer(null);
    else if (event.key === "Enter") answer(box);
    else if (event.shiftKey) show({ ...box, width: box.width + x * step, height: box.height + y * step });
    else show({ ...box, x: box.x + x * step, y: box.y + y * step });
  };
  const still = (/** @type {Event} */ event) => event.preventDefault(); // the page under the shot must not scroll away
  stage.addEventListener("pointerdown", (down) => {
    stage.setPointerCapture(down.pointerId);
    const drag = (/** @type {PointerEvent} */ event) => show({ x: Math.min(down.clientX, event.clientX), y: Math.min(down.clientY, event.clientY),
      width: Math.abs(event.clientX - down.clientX), height: Math.abs(event.clientY - down.clientY) });
    stage.addEventListener("pointermove", drag);
    stage.addEventListener("pointerup", (up) => {
      stage.removeEventListener("pointermove", drag);
      if (Math.abs(up.clientX - down.clientX) > 4 && Math.abs(up.clientY - down.clientY) > 4) answer(box);
    }, { once: true });
  });
  const focused = document.activeElement;
  document.documentElement.append(host);
  host.popover = "manual"; // above dialogs of the page
  host.showPopover();
  stage.focus({ preventScroll: true });
  window.addEventListener("keydown", keys, true);
  host.addEventListener("wheel", still, { passive: false });
  host.addEventListener("holdstill-close", () => answer(null));
  try {
    return await answered;
  } finally {
    window.removeEventListener("keydown", keys, true);
    host.remove();
    bitmap.close();
    if (focused instanceof HTMLElement && focused !== document.body) focused.focus({ preventScroll: true });
    await new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }); // painted without it
  }
}
