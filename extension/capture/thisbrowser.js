// The capture of Chromium, under the names that background.js knows. The build for Firefox puts firefox/thisbrowser.js in its place.
export { captureAsSeen } from "./asseen.js";
export { startPassiveBuffer as startBuffer } from "./passive.js";
export { captureRecorded } from "./recorded.js";
export { startRecordings } from "./recordedtabs.js";
export { captureReloaded } from "./reloaded.js";
export { takeViewportShot } from "./viewport.js";
