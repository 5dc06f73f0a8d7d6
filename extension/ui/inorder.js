/**
 * Draws one time after the other, because each drawing reads first: begun beside each other, an older state can be drawn over a newer one.
 * @param {() => Promise<void>} draw reads what there is, and shows it
 * @returns {() => Promise<void>} call it after every change; ends when a drawing that began after the call has ended. Calls that wait share one drawing
 */
export function inOrder(draw) {
  /** @type {Promise<void>} */
  let last = Promise.resolve();
  /** @type {Promise<void> | null} */
  let waiting = null;
  return () => {
    waiting ??= last = last.catch(() => {}).then(() => { // a drawing that failed has told its own caller, and stops none after it
      waiting = null;
      return draw();
    });
    return waiting;
  };
}
