/** @typedef {import("../types.js").Box} Box */
/** @typedef {import("./shown.js").ShownPicture} ShownPicture */
/** @typedef {import("./shown.js").FrameAt} FrameAt */
/**
 * A picture on the page. `box`: CSS pixels from the top left corner of the frame's document, wherever it is scrolled to. `url`: "" where it has no address
 * of the web; then `scheme` says which it has, if any. `natural`: 0 × 0 while it is not loaded, null where the browser does not say. `approximate`: the
 * box is that of the element beside which it is drawn. `at`: of a picture in a frame, what is to be seen of it, in the document of the page itself.
 * @typedef {"img" | "input" | "svg" | "poster" | "video" | "canvas" | "background" | "before" | "after"} ImageKind
 * @typedef {{kind: ImageKind, url: string, scheme?: "data" | "blob", box: Box, natural: {width: number, height: number} | null, approximate?: true, at?: Box}} ImagePlace
 * @typedef {import("./shown.js").ShownPart & import("./shown.js").FramePart & {url: string, timing: {url: string}[]}} Shown  what a frame's probe says
 */

const MAX_A_FRAME = 500;
const MAX_A_PAGE = 2000;
const MAX_LAYERS = 4;
const MAX_URL = 4000;
const IMAGE_SET = /(?:-webkit-)?image-set\(((?:[^()"]|"(?:[^"\\]|\\.)*"|\([^()]*\))*)\)/gis;
const CHOICE = /(?:url\(\s*)?"((?:[^"\\]|\\.)*)"\s*\)?\s*([\d.]+)?(dppx|dpi|dpcm|x)?/gis;
const ADDRESS = /url\(\s*"((?:[^"\\]|\\.)*)"\s*\)/gis;
const PIXELS = /** @type {Record<string, number>} */ ({ dpi: 96, dpcm: 96 / 2.54 });

/**
 * Where the pictures of a page stood, the page's own before those of its frames; the largest where there are too many.
 * @param {{url: string, probe: Shown | null}[]} frames the page itself first
 * @returns {{images: (ImagePlace & {frameUrl?: string})[], notes: string[]}} notes: what is not listed
 */
export function placesOf(frames) {
  /** @type {string[]} */
  const notes = [];
  const images = frames.flatMap(({ url, probe }, at) => {
    if (!probe) return [];
    const found = probe.shown.flatMap((one) => readPlaces(one, probe));
    const kept = largest(found, MAX_A_FRAME);
    const left = [probe.shownLeft, kept.length < found.length ? `the ${kept.length} largest of ${found.length} are listed` : ""].filter(Boolean);
    if (left.length > 0) notes.push(`places of pictures in ${url}: ${left.join("; ")}`);
    return at === 0 ? kept : kept.map((image) => ({ ...image, frameUrl: url }));
  });
  if (images.length <= MAX_A_PAGE) return { images, notes };
  return { images: images.slice(0, MAX_A_PAGE), notes: [...notes, `places of pictures: ${MAX_A_PAGE} of ${images.length} are listed`] };
}

/** @param {ShownPicture} shown @param {Shown} frame @returns {ImagePlace[]} one for each address; none where nothing was drawn */
function readPlaces({ kind, value, rect, natural }, { url: base, timing, view, frameAt }) {
  const numbers = [rect.x, rect.y, rect.width, rect.height];
  if (!numbers.every(Number.isFinite)) return [];
  const box = { x: rect.x + view.scrollX, y: rect.y + view.scrollY, width: rect.width, height: rect.height };
  const at = frameAt === null ? null : visible(rect, frameAt);
  const more = { ...(kind === "before" || kind === "after" ? { approximate: /** @type {true} */ (true) } : {}), ...(at === null ? {} : { at }) };
  if (value === null) return [{ kind, url: "", box, natural, ...more }];
  const isStyle = kind === "background" || kind === "before" || kind === "after";
  const addresses = isStyle ? addressesIn(value, view.ratio, new Set(timing.map(({ url }) => url))) : [value];
  return addresses.flatMap((address) => {
    const named = nameOf(address, base);
    return named === null ? [] : [{ kind, ...named, box, natural, ...more }];
  });
}

/**
 * The addresses in a computed value of a style sheet; of each image-set() one: what the page loaded, else what fits the screen.
 * @param {string} value as browsers write it: addresses absolute, in double quotes @param {number} ratio pixels of the screen for one of CSS
 * @param {Set<string>} loaded addresses @returns {string[]}
 */
export function addressesIn(value, ratio, loaded) {
  /** @type {string[]} */
  const found = [];
  const rest = value.replace(IMAGE_SET, (_, /** @type {string} */ inside) => {
    const choices = [...inside.replace(/type\("[^"]*"\)/gi, "").matchAll(CHOICE)].map(([, address, size, unit]) => ({
      address: plain(address), scale: Number(size ?? 1) / (PIXELS[unit?.toLowerCase()] ?? 1) })).sort((left, right) => left.scale - right.scale);
    const chosen = choices.find(({ address }) => loaded.has(address)) ?? choices.find(({ scale }) => scale >= ratio - 0.01) ?? choices.at(-1);
    if (chosen) found.push(chosen.address);
    return "";
  });
  for (const [, address] of rest.matchAll(ADDRESS)) found.push(plain(address));
  return [...new Set(found)].slice(0, MAX_LAYERS);
}

/** @param {string} text of a string in a style sheet @returns {string} */
function plain(text) {
  return text.replace(/\\([0-9a-f]{1,6})\s?/gi, (_, code) => String.fromCodePoint(Math.min(Number.parseInt(code, 16), 0x10ffff))).replace(/\\(.)/gs, "$1");
}

/** @param {string} address @param {string} base @returns {Pick<ImagePlace, "url" | "scheme"> | null} null: no picture's address */
function nameOf(address, base) {
  const inline = /^\s*(data|blob):/i.exec(address)?.[1].toLowerCase();
  if (inline === "data" || inline === "blob") return { url: "", scheme: inline };
  if (address === "" || address.length > MAX_URL || !URL.canParse(address, base)) return null;
  const { href, protocol } = new URL(address, base);
  return protocol === "http:" || protocol === "https:" ? { url: href.replace(/#.*$/s, "") } : null;
}

/** @param {Box} rect in the frame's viewport @param {FrameAt} frame @returns {Box | null} null: nothing of it is to be seen */
function visible(rect, { x, y, seen }) {
  const [left, top] = [Math.max(rect.x + x, seen.x), Math.max(rect.y + y, seen.y)];
  const [right, bottom] = [Math.min(rect.x + rect.width + x, seen.x + seen.width), Math.min(rect.y + rect.height + y, seen.y + seen.height)];
  return right > left && bottom > top ? { x: left, y: top, width: right - left, height: bottom - top } : null;
}

/** @param {ImagePlace[]} places @param {number} count @returns {ImagePlace[]} in their order */
function largest(places, count) {
  if (places.length <= count) return places;
  const kept = new Set([...places].sort((left, right) => right.box.width * right.box.height - left.box.width * left.box.height).slice(0, count));
  return places.filter((place) => kept.has(place));
}
