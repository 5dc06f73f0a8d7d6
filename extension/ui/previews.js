import { pickRegion } from "./regionpicker.js";
import { isLive } from "./steps.js";

/** @typedef {import("../queue/observations.js").Box} Box */
/** @typedef {import("../queue/runs.js").Preview} Preview */
/** @typedef {import("../queue/runs.js").Run} Run */

const POLL_MS = 100;
/** Looks one after the other, two seconds of them, that found no worker's lock: one look alone proves nothing. */
const GONE_LOOKS = 20;

/** Places on the small copy of the viewport shot, which is made beside the capture and may come later than the form that needs it. */
export class Previews {
  /**
   * @param {import("../queue/runs.js").Runs} runs
   * @param {{current: () => Run | undefined, isHeld: (tabId: number) => Promise<boolean>, tell: (isMissing: boolean) => void}} around `current`: the run on
   *   show; `isHeld`: a worker still captures this tab; `tell`: says to the person whether the picture they asked for can never be made
   */
  constructor(runs, { current, isHeld, tell }) {
    this.runs = runs;
    this.current = current;
    this.isHeld = isHeld;
    this.tell = tell;
    this.isPicking = false;
  }

  /** @param {string} title @returns {Promise<Box | null>} what the person marked; null: given up, there is no picture of a run, or they are marking already */
  async pick(title) {
    if (this.isPicking) return null;
    this.isPicking = true;
    try {
      const preview = await this.#read();
      return preview ? await pickRegion(preview, title) : null;
    } finally {
      this.isPicking = false;
    }
  }

  /** @returns {Promise<Box | null>} the whole of what was on screen; null: there is no picture of a run */
  async whole() {
    const preview = await this.#read();
    return preview ? { x: 0, y: 0, width: preview.width, height: preview.height } : null;
  }

  /** @returns {Promise<Preview | null>} of the run on show, as soon as there is one; null, when it cannot be made, when that run ends first or another takes its place */
  async #read() {
    const wanted = this.current()?.runId;
    this.tell(false);
    for (let missed = 0; ;) {
      const run = this.current();
      if (run === undefined || run.runId !== wanted) return null;
      missed = await this.isHeld(run.tabId) ? 0 : missed + 1; // asked first: what a worker leaves is there when it has let go
      const preview = await this.runs.readPreview(run.runId);
      if (preview) return preview;
      if (preview === null || !isLive(run) || missed >= GONE_LOOKS) {
        const shown = this.current();
        if (shown?.runId === wanted) this.tell(isLive(shown));
        return null;
      }
      await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
    }
  }
}
