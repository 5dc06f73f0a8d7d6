// The capture of Firefox, under the names that background.js knows; ../thisbrowser.js is Chromium's.
export { captureAsSeen, captureAsSeen as captureRecorded } from "./asseen.js"; // its ring buffer records always, with consent
export { readLoadedImage } from "./loadedimage.js";
export { captureReloaded } from "./reloaded.js";
export { startStreamBuffer as startBuffer } from "./streamfilter.js";
export { takeViewportShot } from "./viewport.js";

/** @returns {import("../recorded/tabs.js").Recordings | null} none: there is nothing to arm */
export function startRecordings() {
  return null;
}
