import { pickRegion } from "./regionpicker.js";
import { isLive } from "./steps.js";

/** @typedef {import("../queue/observations.js").Box} Box */
/** @typedef {import("../queue/runs.js").Preview} Preview */

const POLL_MS = 100;

/** Places on the small copy of the viewport shot, which is made beside the capture and may come later than the form that needs it. */
export class Previews {
  /** @param {import("../queue/runs.js").Runs} runs @param {() => import("../queue/runs.js").Run | undefined} current the run on show */
  constructor(runs, current) {
    this.runs = runs;
    this.current = current;
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

  /** @returns {Promise<Preview | undefined>} of the run on show, as soon as there is one; never, when that run ends first or another takes its place */
  async #read() {
    const wanted = this.current()?.runId;
    for (;;) {
      const run = this.current();
      if (run === undefined || run.runId !== wanted) return undefined;
      const preview = await this.runs.readPreview(run.runId);
      if (preview !== undefined || !isLive(run)) return preview;
      await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
    }
  }
}
