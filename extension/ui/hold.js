/**
 * Holds the sealing back while a part of the form stands open. Only this page's life keeps the hold up: when the popup closes, the last word
 * runs out by itself and the capture is sealed with what was there.
 */
export const HOLD_MS = 6_000;
const RENEW_MS = 2_000;

export class Hold {
  /** @param {{isWanted: () => boolean, renew: () => void}} options `renew` is called at once and every two seconds while the hold is wanted */
  constructor({ isWanted, renew }) {
    this.isWanted = isWanted;
    this.renew = renew;
    this.isReleased = false;
    this.runId = "";
    setInterval(() => this.check(), RENEW_MS);
  }

  get isOn() {
    return !this.isReleased && this.isWanted();
  }

  /** @param {string} [runId] of a run that was seen: a new one is held at once, a known one at the next beat */
  check(runId) {
    if (runId !== undefined && runId === this.runId) return;
    this.runId = runId ?? this.runId;
    if (this.isOn) this.renew();
  }

  /** The person is done with this capture's form. */
  release() {
    this.isReleased = true;
  }

  /** For the next capture. */
  reset() {
    this.isReleased = false;
  }
}
