// The functions below run inside the page, in a world of their own, as those of ../pageprobe.js: they only look, they are sent as text, so none may
// use anything from outside itself. What they give is read by boxes.js.

/**
 * A place of a picture as the page has it. `value`: the address, or the computed value of style sheets with addresses in it, `data:` addresses cut to
 * that word; null: a picture without any. `rect`: CSS pixels of the frame's viewport.
 * @typedef {{kind: import("./boxes.js").ImageKind, value: string | null, rect: import("../types.js").Box, natural: {width: number, height: number} | null}} ShownPicture
 * @typedef {{shown: ShownPicture[], shownLeft: string}} ShownPart  shownLeft: what limits kept out, in words
 * @typedef {object} FramePart
 * @property {{scrollX: number, scrollY: number, ratio: number}} view  of this frame
 * @property {FrameAt | null} frameAt   where this frame's viewport begins in the document of the page, and the part of it that is to be seen there; null: not known, or it is the page
 * @typedef {{x: number, y: number, seen: import("../types.js").Box}} FrameAt
 */

/**
 * Which elements show pictures, and where: their own, and what style sheets draw on and beside them. For a limited time, at a limited number of elements.
 * @param {...ShadowRoot} closedRoots that only the debugger can hand in @returns {ShownPart}
 */
export function readShown(...closedRoots) {
  const [MAX_ELEMENTS, MAX_SHOWN, MAX_MS, MAX_VALUE, MAX_CHARS, MIN_SIDE] = [30_000, 5000, 2000, 8000, 4 << 20, 16];
  const began = performance.now();
  /** @type {ShownPicture[]} */
  const shown = [];
  let chars = 0;
  /** @param {any} element @returns {[ShownPicture["kind"], string | null] | null} */
  const ownOf = (element) => {
    const hasFrame = element.localName === "video" && (element.played.length > 0 || (!element.poster && element.readyState >= 2)); // of the video itself: the poster is gone
    switch (element.localName) {
      case "img": return ["img", element.currentSrc || element.src];
      case "image": return ["svg", element.href?.baseVal ?? ""];
      case "input": return element.type === "image" ? ["input", element.src] : null;
      case "canvas": return ["canvas", null];
      case "video": return hasFrame ? ["video", null] : ["poster", element.poster];
      default: return null;
    }
  };
  /** @param {Element} element @returns {[ShownPicture["kind"], string][]} */
  const drawnBy = (element) => {
    const values = /** @type {[ShownPicture["kind"], string][]} */ ([["background", getComputedStyle(element).backgroundImage]]);
    for (const kind of /** @type {const} */ (["before", "after"])) {
      const { content, display, backgroundImage } = getComputedStyle(element, `::${kind}`);
      if (content !== "none" && content !== "normal" && display !== "none") values.push([kind, `${backgroundImage}, ${content}`]);
    }
    return values.map(([kind, value]) => [kind, value.replace(/"\s*data:[^"]*"/gi, '"data:"')]);
  };
  const look = (/** @type {Element} */ element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    if (!(width >= MIN_SIDE && height >= MIN_SIDE)) return;
    const own = ownOf(element);
    for (const [kind, value] of [...own === null ? [] : [own], ...drawnBy(element).filter(([, text]) => /url\(|image-set\(/i.test(text))]) {
      const short = value === null ? null : /^\s*data:/i.test(value) ? "data:" : String(value).slice(0, MAX_VALUE + 1);
      const { naturalWidth, naturalHeight } = /** @type {HTMLImageElement} */ (element);
      if (short === "" || (short?.length ?? 0) > MAX_VALUE) continue;
      chars += short?.length ?? 0;
      shown.push({ kind, value: short, rect: { x, y, width, height }, natural: kind === "img" ? { width: naturalWidth, height: naturalHeight } : null });
    }
  };
  const roots = new Set(/** @type {(Document | ShadowRoot)[]} */ ([document, ...closedRoots])); // grows while it is walked
  let looked = 0;
  for (const root of roots) for (const element of root.querySelectorAll("*")) {
    const { openOrClosedShadowRoot } = /** @type {{openOrClosedShadowRoot?: ShadowRoot}} */ (/** @type {unknown} */ (element)); // Firefox shows extensions the closed ones
    const shadow = element.shadowRoot ?? openOrClosedShadowRoot;
    if (shadow) roots.add(shadow);
    look(element);
    looked += 1;
    if (looked >= MAX_ELEMENTS || shown.length >= MAX_SHOWN || chars > MAX_CHARS || performance.now() - began > MAX_MS) return { shown, shownLeft: `only the first ${looked} elements were looked at` };
  }
  return { shown, shownLeft: "" };
}

/** Where this frame stands in the page, as far as frames of one site tell. @returns {FramePart} */
export function readFramePlace() {
  const view = { scrollX, scrollY, ratio: devicePixelRatio };
  const offset = { x: 0, y: 0 };
  let [left, top, right, bottom] = [0, 0, innerWidth, innerHeight];
  /** @type {Window & typeof globalThis} */
  let inner = window;
  try {
    while (inner !== inner.parent) {
      const owner = /** @type {HTMLElement | null} */ (inner.frameElement);
      const above = /** @type {Window & typeof globalThis} */ (inner.parent);
      if (owner === null) return { view, frameAt: null };
      const rect = owner.getBoundingClientRect();
      if (Math.abs(rect.width - owner.offsetWidth) > 1 || Math.abs(rect.height - owner.offsetHeight) > 1) return { view, frameAt: null }; // scaled or turned
      const style = above.getComputedStyle(owner);
      const x = rect.x + Number.parseFloat(style.borderLeftWidth) + Number.parseFloat(style.paddingLeft);
      const y = rect.y + Number.parseFloat(style.borderTopWidth) + Number.parseFloat(style.paddingTop);
      [offset.x, offset.y] = [offset.x + x, offset.y + y];
      [left, right] = [Math.max(left + x, 0), Math.min(right + x, above.innerWidth)];
      [top, bottom] = [Math.max(top + y, 0), Math.min(bottom + y, above.innerHeight)];
      inner = above;
    }
    if (inner === window) return { view, frameAt: null };
    const [x, y] = [inner.scrollX, inner.scrollY];
    return { view, frameAt: { x: offset.x + x, y: offset.y + y, seen: { x: left + x, y: top + y, width: Math.max(0, right - left), height: Math.max(0, bottom - top) } } };
  } catch { // a frame of another site stands between
    return { view, frameAt: null };
  }
}
