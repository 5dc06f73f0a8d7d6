import { readFramePlace, readShown } from "./images/shown.js";

/**
 * What one frame tells about itself.
 * @typedef {object} FrameProbe
 * @property {string} url
 * @property {string} title
 * @property {string} charset             of the document, as the browser decoded it
 * @property {string} language
 * @property {string} html                the DOM as it is, open shadow roots (and the closed ones handed in) as `<template shadowrootmode>`
 * @property {string} text                as it is rendered; then the text of each shadow root
 * @property {{name: string, content: string}[]} meta
 * @property {{id: string, type: string, text: string}[]} data   JSON-LD and start-up JSON of scripts
 * @property {string | null} controller    URL of the service worker that answers this frame's requests
 * @property {string[]} sheets            URLs that a careless reader would make the browser fetch again
 * @property {string[]} modules           URLs of module scripts, which are UTF-8 whatever their response says
 * @property {number} timeOrigin          milliseconds since 1970
 * @property {TimingEntry[]} timing       the document first
 * @property {boolean} timingFull         the browser's list was full: later requests are missing from it
 * @property {{name: string, value: string}[]} stored   what the page keeps in the browser; only to find secrets by, never written
 * @property {import("./images/shown.js").ShownPart["shown"]} shown   the pictures it shows, in document order
 * @property {string} shownLeft           what of them was not looked at
 * @property {import("./images/shown.js").FramePart["view"]} view
 * @property {import("./images/shown.js").FramePart["frameAt"]} frameAt
 * @property {string[]} left              what was left out, in words
 */

/** @typedef {{url: string, kind: string, status: number, sizeBytes: number, protocol: string, endedAt: number}} TimingEntry  endedAt: ms since 1970 */

// The functions below run inside the page, in a world of their own: the page's scripts can neither see them nor replace what they call.
// They only read. They are sent as text, so none may use anything from outside itself.

/** @typedef {Pick<FrameProbe, "url" | "title" | "charset" | "language" | "html" | "text">} DomPart */
/** @typedef {Pick<FrameProbe, "meta" | "data" | "left" | "stored">} DataPart */
/** @typedef {Pick<FrameProbe, "sheets" | "modules" | "controller">} SourcePart */
/** @typedef {Pick<FrameProbe, "timeOrigin" | "timing" | "timingFull">} TimingPart */

/** What a frame shows. @param {...ShadowRoot} closedRoots that only the debugger can hand in @returns {DomPart} */
export function readDom(...closedRoots) {
  /** @type {ShadowRoot[]} */
  const roots = [...closedRoots];
  const collect = (/** @type {Document | ShadowRoot} */ root) => {
    for (const element of root.querySelectorAll("*")) {
      const { openOrClosedShadowRoot } = /** @type {{openOrClosedShadowRoot?: ShadowRoot}} */ (/** @type {unknown} */ (element)); // Firefox shows extensions the closed ones
      const shadow = element.shadowRoot ?? openOrClosedShadowRoot;
      if (!shadow) continue;
      roots.push(shadow);
      collect(shadow);
    }
  };
  collect(document);
  closedRoots.forEach(collect);

  const root = document.documentElement;
  const attributes = root ? [...root.attributes].map(({ name, value }) => ` ${name}="${value.replaceAll("&", "&amp;").replaceAll('"', "&quot;")}"`).join("") : "";
  const doctype = document.doctype ? new XMLSerializer().serializeToString(document.doctype) : "";
  const name = root ? root.localName : "html";
  const isHtml = document instanceof HTMLDocument;
  const html = !root ? "" : isHtml ? `${doctype}<${name}${attributes}>${root.getHTML({ shadowRoots: roots })}</${name}>` : new XMLSerializer().serializeToString(document);

  const rendered = (/** @type {Element | null} */ element) => (element instanceof HTMLElement ? element.innerText : element?.textContent ?? "");
  const shadowText = roots.flatMap((shadow) => [...shadow.children].filter((child) => !/^(style|script|link|template)$/.test(child.localName)).map(rendered));
  const text = [rendered(document.body ?? root), ...shadowText].filter((part) => part.trim() !== "").join("\n\n");

  return { url: document.URL, title: document.title, charset: document.characterSet, language: root?.lang ?? "", html, text };
}

/** What a frame says about itself to machines. @returns {DataPart} */
export function readData() {
  const MAX_DATA = 4 << 20;
  /** @type {string[]} */
  const left = [];
  /** @type {FrameProbe["data"]} */
  const data = [];
  let dataLength = 0;
  for (const script of document.querySelectorAll("script")) {
    const isData = /json/i.test(script.type) || /^(__NEXT_DATA__|__NUXT_DATA__|__UNIVERSAL_DATA_FOR_REHYDRATION__|SIGI_STATE|__APOLLO_STATE__)$/.test(script.id);
    if (!isData) continue;
    const content = script.textContent ?? "";
    dataLength += content.length;
    if (dataLength > MAX_DATA) left.push(`start-up data of ${content.length} characters (${script.id || script.type}): see the DOM`);
    else data.push({ id: script.id, type: script.type, text: content });
  }
  const meta = [...document.querySelectorAll("meta")].map((element) => ({
    name: element.getAttribute("property") ?? element.getAttribute("name") ?? element.getAttribute("itemprop") ?? element.httpEquiv,
    content: element.content })).filter((entry) => entry.name !== "");
  /** @type {FrameProbe["stored"]} */
  const stored = [];
  for (const place of /** @type {const} */ (["localStorage", "sessionStorage"])) {
    try {
      const entries = window[place];
      for (let at = 0; at < Math.min(entries.length, 500); at += 1) {
        const name = entries.key(at) ?? "";
        const value = entries.getItem(name) ?? "";
        if (value.length <= 16384) stored.push({ name: name.slice(-200), value });
      }
    } catch { /* a frame without an origin has none */ }
  }
  try {
    stored.push({ name: "document.cookie", value: document.cookie.slice(0, 65536) });
  } catch { /* the same */ }
  return { meta, data, left, stored };
}

/** From where a frame has its style sheets and module scripts, and who answers for it. @returns {SourcePart} */
export function readSources() {
  /** @type {string[]} */
  const sheets = [];
  const collectSheets = (/** @type {Iterable<CSSStyleSheet>} */ list) => {
    for (const sheet of list) {
      if (sheet.href) sheets.push(sheet.href);
      try {
        for (const rule of sheet.cssRules) {
          if (rule instanceof CSSImportRule) {
            sheets.push(new URL(rule.href, sheet.href ?? document.baseURI).href);
            if (rule.styleSheet) collectSheets([rule.styleSheet]);
          }
        }
      } catch { /* rules of another origin cannot be read; the resource tree lists what they import */ }
    }
  };
  const collectRoots = (/** @type {Document | ShadowRoot} */ root) => {
    collectSheets(root.styleSheets);
    const links = /** @type {NodeListOf<HTMLLinkElement>} */ (root.querySelectorAll('link[rel~="stylesheet" i], link[rel~="manifest" i]'));
    sheets.push(...[...links].map(({ href }) => href));
    for (const element of root.querySelectorAll("*")) if (element.shadowRoot) collectRoots(element.shadowRoot);
  };
  collectRoots(document);

  const scripts = [...document.querySelectorAll("script")].filter(({ src }) => src !== "");
  const classic = new Set(scripts.filter(({ type }) => type !== "module").map(({ src }) => src));
  const modules = scripts.filter(({ type, src }) => type === "module" && !classic.has(src)).map(({ src }) => src);
  return { sheets: [...new Set(sheets)].filter((url) => url !== ""), modules, controller: navigator.serviceWorker?.controller?.scriptURL ?? null };
}

/** What a frame loaded, and when. @returns {TimingPart} */
export function readTiming() {
  const resources = performance.getEntriesByType("resource");
  const entries = [...performance.getEntriesByType("navigation"), ...resources];
  const timing = entries.map((entry) => {
    const { name: url, initiatorType, responseStatus, decodedBodySize, nextHopProtocol, responseEnd } = /** @type {PerformanceResourceTiming} */ (entry);
    return { url, kind: initiatorType, status: responseStatus, sizeBytes: decodedBodySize, protocol: nextHopProtocol,
      endedAt: performance.timeOrigin + responseEnd };
  });
  return { timeOrigin: performance.timeOrigin, timing, timingFull: resources.length >= 250 && resources.length % 50 === 0 };
}

/** One text that runs all of the above, for the debugger; it takes the closed shadow roots. */
export const PROBE_FUNCTION = `function (...roots) { return { ...(${readDom})(...roots), ...(${readData})(), ...(${readSources})(), ...(${readTiming})(), ...(${readShown})(...roots), ...(${readFramePlace})() }; }`;
