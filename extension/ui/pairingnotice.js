import { element, text } from "./texts.js";

/**
 * Says that nothing goes out, and where to change that; silent while the pairing holds.
 * @param {import("../queue/store.js").Pairing | undefined} pairing @param {number} waiting captures that are kept here until then
 */
export function drawPairingNotice(pairing, waiting) {
  const notice = element("pairing-notice");
  notice.hidden = pairing !== undefined && pairing.revokedAt === null;
  const [said, linked] = pairing === undefined ? ["unpaired", "unpaired_link"] : ["revoked", "revoked_link"];
  notice.querySelector("span").textContent = waiting > 0 ? `${text(said)} ${text("waiting_count", waiting)}` : text(said);
  notice.querySelector("a").textContent = text(linked);
}
