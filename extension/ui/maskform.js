import { element, make, text } from "./texts.js";

/**
 * The list of boxes that are to be masked in copies: the person's own picture and name beside the post. The evidence itself is never changed.
 * @typedef {import("../queue/observations.js").Mask} Mask
 * @typedef {import("../queue/observations.js").Box} Box
 */
export class MaskForm {
  /** @param {{pickRegion: (title: string) => Promise<Box | null>, onChange: () => void}} around */
  constructor({ pickRegion, onChange }) {
    /** @type {Omit<Mask, "artifact">[]} */
    this.masks = [];
    this.onChange = onChange;
    element("add-mask").addEventListener("click", async () => {
      const box = await pickRegion(text("mask_title"));
      if (box === null) return;
      this.masks.push({ box, reason: "own_account" });
      this.#draw();
      this.onChange();
    });
  }

  clear() {
    this.masks = [];
    this.#draw();
  }

  #draw() {
    element("masks").replaceChildren(...this.masks.map((mask, at) => {
      const entry = make("li", "", text("mask_entry", at + 1, mask.box.width, mask.box.height));
      const remove = make("button", "plain small", text("remove"));
      remove.type = "button";
      remove.setAttribute("aria-label", `${text("remove")}: ${text("mask_entry", at + 1, mask.box.width, mask.box.height)}`);
      remove.addEventListener("click", () => {
        this.masks.splice(at, 1);
        this.#draw();
        this.onChange();
        element("add-mask").focus();
      });
      entry.append(" ", remove);
      return entry;
    }));
  }
}
