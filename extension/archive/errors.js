/** The one error of this folder: something cannot be written into an archive. Nothing half-written is handed out. */
export class ArchiveError extends Error {
  /** @param {string} what the file, record or entry @param {string} reason plain words, no page content */
  constructor(what, reason) {
    super(`${what}: ${reason}`);
    this.name = "ArchiveError";
    this.what = what;
    this.reason = reason;
  }
}
