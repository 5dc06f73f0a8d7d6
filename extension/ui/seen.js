import { ServiceClient } from "../queue/client.js";
import { withStore } from "../queue/store.js";
import { countPlaces } from "../seen/answer.js";
import { element, formatTime, hostOf, localise, make, text } from "./texts.js";

/** @typedef {import("../seen/answer.js").SeenMatch} SeenMatch */

const SHOWN_MATCHES = 12;
const SHOWN_PLACES = 5;
const MAX_COPY_BYTES = 1 << 20;

/** @param {import("../seen/browser.js").SeenResult | {error: string}} result */
function draw(result) {
  element("progress").hidden = true;
  if (!("state" in result) || result.state === "failed") {
    const code = "state" in result ? result.code : "broken";
    say(text(`seen_failed_${code}`), "failed");
    element("pair").hidden = code !== "not_paired";
    return;
  }
  const { seen, how, preview, serverUrl } = result;
  if (preview !== "") {
    element("preview").src = preview;
    element("preview").alt = text("seen_asked_alt");
    element("preview").hidden = false;
  }
  element("how").textContent = [text(`seen_how_${how}`), ...seen.notes.length > 0 ? [text("seen_notes", seen.notes.join(" · "))] : []].join(" ");
  const count = countPlaces(seen);
  say(count > 0 ? text(seen.isPartial ? "seen_found_least" : "seen_found", count) : text(notFound(seen)), count > 0 ? "done" : "");
  element("note").hidden = false;
  element("note").textContent = text(seen.matches.length > 0 ? "seen_note" : "seen_none_note");
  const more = [...seen.matches.length > SHOWN_MATCHES ? [text("seen_unlisted", seen.matches.length - SHOWN_MATCHES)] : [], ...seen.isPartial ? [text("seen_partial")] : []];
  element("more").hidden = more.length === 0;
  element("more").textContent = more.join(" ");
  element("matches").replaceChildren(...seen.matches.slice(0, SHOWN_MATCHES).map((match) => drawMatch(match, serverUrl)));
}

/** @param {import("../seen/answer.js").Seen} seen in which the picture itself is not @returns {string} a text's name: what was not compared is not called not seen */
function notFound({ matches, isPartial }) {
  if (matches.length > 0) return isPartial ? "seen_resembles_part" : "seen_resembles";
  return isPartial ? "seen_none_part" : "seen_none";
}

/** @param {string} words @param {string} kind */
function say(words, kind) {
  element("status").textContent = words;
  element("status").dataset.kind = kind;
}

/** @param {SeenMatch} match @param {string} serverUrl @returns {HTMLElement} */
function drawMatch({ kind, sha256, clusterId, places, unlisted, hidden, isShared }, serverUrl) {
  const entry = make("li", "");
  entry.dataset.kind = kind;
  const copy = make("img", "thumb");
  copy.alt = "";
  if (!isShared) void loadCopy(copy, sha256); // another organisation's copies are not given out
  const part = make("div", "");
  part.append(make("p", "kind", text(`seen_kind_${kind}`)));
  if (isShared) part.append(make("p", "quiet", text("seen_shared")));
  const list = make("ul", "");
  for (const place of places.slice(0, SHOWN_PLACES)) {
    const line = make("li", "");
    line.append(linkTo(`${serverUrl}/captures/${place.captureId}`, place.title || place.pageUrl), make("p", "quiet", `${hostOf(place.pageUrl)} · ${formatTime(place.capturedAt)}`));
    list.append(line);
  }
  part.append(list);
  const more = places.length - Math.min(places.length, SHOWN_PLACES) + unlisted + hidden;
  if (more > 0) part.append(make("p", "quiet", text("seen_more", more)));
  if (clusterId !== null && kind !== "variant") { // of a variant that page would tell of another picture
    const everywhere = make("p", "");
    everywhere.append(linkTo(`${serverUrl}/images/clusters/${clusterId}`, text("seen_everywhere")));
    part.append(everywhere);
  }
  entry.append(copy, part);
  return entry;
}

/** @param {string} url @param {string} words @returns {HTMLAnchorElement} */
function linkTo(url, words) {
  const link = make("a", "", words);
  link.href = url;
  link.target = "_blank";
  link.rel = "noreferrer";
  return link;
}

/** The service's working copy of a picture; without it (of another browser's capture) the place stays empty. @param {HTMLImageElement} image @param {string} sha256 */
async function loadCopy(image, sha256) {
  const pairing = await withStore((store) => store.readPairing());
  if (!pairing) return;
  const client = new ServiceClient({ serverUrl: pairing.serverUrl, token: pairing.token });
  try {
    const blob = await (await client.request(`/api/v1/images/${sha256}/thumbnail`, {})).blob();
    if (blob.size <= MAX_COPY_BYTES) image.src = URL.createObjectURL(new Blob([blob], { type: "image/webp" }));
  } catch { /* not shown */ }
}

localise(document);
const ask = new URLSearchParams(location.search).get("ask") ?? "";
draw(await chrome.runtime.sendMessage({ type: "seen.find", ask }));
document.body.dataset["drawn"] = "all"; // whoever reads the page by program need not guess
