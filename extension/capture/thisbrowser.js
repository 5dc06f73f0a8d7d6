// The capture of Chromium, under the names that background.js knows. The build for Firefox puts firefox/thisbrowser.js in its place.
export { captureAsSeen } from "./asseen.js";
export { readLoadedImage } from "./images/loaded.js";
export { startPassiveBuffer as startBuffer } from "./passive.js";
export { captureRecorded } from "./recorded/capture.js";
export { startRecordings } from "./recorded/tabs.js";
export { captureReloaded } from "./reloaded.js";
export { takeViewportShot } from "./viewport.js";
