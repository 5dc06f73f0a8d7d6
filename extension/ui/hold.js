/**
 * Holds the sealing back while a part of the form stands open and can be seen. Only this page's life keeps the hold up: while it lasts the page has a lock, which
 * the browser takes from it when the popup closes or dies, and the capture is sealed with what was there. A page that has the lock and says nothing for minutes
 * hangs: then too (queue/run.js). One in a tab that nobody looks at gives the lock back, lest a forgotten tab keep a capture unsealed for ever.
 */
export const HOLD_MS = 6_000;
const RENEW_MS = 2_000;

export class Hold {
  /** @type {(() => void) | null} gives the lock back; null: the page has none */
  #letGo = null;

  /**
   * @param {{isWanted: () => boolean, renew: () => void, lock: string, locks?: Pick<LockManager, "request">,
   *   page?: Pick<Document, "visibilityState" | "addEventListener">}} options `renew` is called at once and every two
   *   seconds while the hold is wanted; `lock`: the name of the one that says so too, however late a starved page is with the next word
   */
  constructor({ isWanted, renew, lock, locks = navigator.locks, page = document }) {
    this.isWanted = isWanted;
    this.renew = renew;
    this.lock = lock;
    this.locks = locks;
    this.page = page;
    this.isReleased = false;
    this.runId = "";
    setInterval(() => this.check(), RENEW_MS);
    page.addEventListener("visibilitychange", () => this.check());
  }

  get isOn() {
    return !this.isReleased && this.page.visibilityState === "visible" && this.isWanted();
  }

  /** @param {string} [runId] of a run that was seen: a new one is held at once, a known one at the next beat */
  check(runId) {
    this.#keepLock();
    if (runId !== undefined && runId === this.runId) return;
    this.runId = runId ?? this.runId;
    if (this.isOn) this.renew();
  }

  /** The person is done with this capture's form. */
  release() {
    this.isReleased = true;
    this.#keepLock();
  }

  /** For the next capture. */
  reset() {
    this.isReleased = false;
    this.#keepLock();
  }

  #keepLock() {
    if (this.isOn === (this.#letGo !== null)) return;
    if (this.#letGo !== null) {
      this.#letGo();
      this.#letGo = null;
      return;
    }
    const held = new Promise((resolve) => { this.#letGo = () => resolve(undefined); });
    this.locks.request(this.lock, { mode: "shared" }, () => held).catch(() => undefined); // without it the clock alone holds
  }
}
