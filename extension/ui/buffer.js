import { parseHosts, readConsent, saveConsent } from "../capture/firefox/consent.js";
import { element, formatTime, text } from "./texts.js";

/** The person's consent to keep what pages load, in the one browser that can: off until given, asked for once, in plain words. */

/** @returns {boolean} whether this browser lets an extension see the bytes on their way to the page */
function hasStreams() {
  return "filterResponseData" in (chrome.webRequest ?? {});
}

/** Fills the section and keeps what is changed in it. @returns {Promise<void>} */
export async function showBuffer() {
  if (!hasStreams()) return;
  element("permissions-debugger").hidden = true; // this browser has none
  element("permissions-sites").textContent = text("permissions_streams");
  draw(await readConsent());
  for (const id of ["buffer-consent", "buffer-megabytes", "buffer-sites", "buffer-list"]) element(id).addEventListener("change", () => void save());
  element("buffer").hidden = false; // last: a change made before would be neither heard nor kept
}

/** @param {import("../capture/firefox/consent.js").Consent} consent */
function draw({ givenAt, megabytes, sites, list }) {
  element("buffer-consent").checked = givenAt !== null;
  element("buffer-megabytes").value = String(megabytes);
  element("buffer-sites").value = sites;
  element("buffer-list").value = list.join("\n");
  element("buffer-list-row").hidden = sites === "all";
  element("buffer-bounds").disabled = givenAt === null;
  element("buffer-status").textContent = givenAt === null ? text("buffer_off") : text("buffer_on", formatTime(givenAt));
}

async function save() {
  const isGiven = element("buffer-consent").checked;
  const { givenAt } = await readConsent();
  await saveConsent({ givenAt: isGiven ? givenAt ?? new Date().toISOString() : null, megabytes: Number(element("buffer-megabytes").value),
    sites: element("buffer-sites").value, list: parseHosts(element("buffer-list").value) });
  draw(await readConsent());
}
