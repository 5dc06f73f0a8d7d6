/** @typedef {import("./types.js").Step} Step */

/** What a step throws when it could not be done for a reason that is no failure: nothing to look at, or no permission. */
export class NotChecked extends Error {}

/** What a step is told when its time is over. */
class TimedOut extends Error {}

/**
 * Runs named steps, each with a limit, and keeps the outcome of each. A step never throws out of here.
 */
export class Steps {
  /** @param {{onProgress?: (step: string, done: number, total: number) => void, total: number, now?: () => number}} options now: milliseconds */
  constructor({ onProgress = () => {}, total, now = () => performance.now() }) {
    this.onProgress = onProgress;
    this.total = total;
    this.now = now;
    /** @type {Step[]} in the order in which they ended */
    this.done = [];
  }

  /** @returns {string[]} names */
  get failed() {
    return this.done.filter(({ outcome }) => outcome === "FAILED").map(({ name }) => name);
  }

  /**
   * @template T
   * @param {string} name @param {number} limitMs @param {(signal: AbortSignal) => Promise<T>} act `signal` is aborted when the time is over:
   *   what `act` still does after that must have no effect
   * @returns {Promise<T | null>} null when the step failed, timed out or could not be checked; why stands in `done`
   */
  async run(name, limitMs, act) {
    const started = this.now();
    const controller = new AbortController();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const limit = new Promise((_resolve, reject) => {
      timer = setTimeout(() => reject(new TimedOut(`not done after ${limitMs} ms`)), limitMs);
    });
    try {
      const value = await Promise.race([act(controller.signal), limit]);
      this.#note(name, "PASSED", "", started);
      return /** @type {T} */ (value);
    } catch (error) {
      controller.abort(error);
      this.#note(name, error instanceof NotChecked ? "NOT_CHECKED" : "FAILED", reasonOf(error), started);
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Records a step that was not even tried. @param {string} name @param {string} reason */
  skip(name, reason) {
    this.#note(name, "NOT_CHECKED", reason, this.now());
  }

  /** @param {string} name @param {Step["outcome"]} outcome @param {string} reason @param {number} started */
  #note(name, outcome, reason, started) {
    this.done.push({ name, outcome, reason, ms: Math.round(this.now() - started) });
    this.onProgress(name, this.done.length, this.total);
  }
}

/** @param {unknown} error @returns {string} plain words; the debugger wraps its own as JSON */
export function reasonOf(error) {
  const text = error instanceof Error ? error.message : String(error);
  try {
    const wrapped = JSON.parse(text);
    return typeof wrapped.message === "string" ? wrapped.message : text;
  } catch {
    return text;
  }
}
