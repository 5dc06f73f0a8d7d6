/**
 * The one error that checking a signature, a note, a proof or an event may raise.
 * It names what did not hold; the item that carried it is kept for a person to look at.
 */
export class SealError extends Error {
  /** @param {string} part what was being checked, e.g. "receipt" @param {string} reason plain words, no page content */
  constructor(part, reason) {
    super(`${part}: ${reason}`);
    this.name = "SealError";
    this.part = part;
    this.reason = reason;
  }
}
