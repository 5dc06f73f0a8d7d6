import { FINDING_KINDS, claimFor, hasValue, labelKinds, usualFinding } from "./labels.js";
import { isGrounded, SHOT } from "../queue/observations.js";
import { element, make, text } from "./texts.js";

/**
 * The form in which a person says which labels the page showed. Every answer begins as "not checked"; an absence needs the place where one looked.
 * @typedef {import("../queue/observations.js").LabelObservation} LabelObservation
 * @typedef {import("../queue/observations.js").Box} Box
 * @typedef {{url: () => string, claims: () => import("../capture/platforms/types.js").PageClaim[], pickRegion: (title: string) => Promise<Box | null>,
 *   wholeView: () => Promise<Box | null>, onChange: () => void}} Surroundings
 */

const STATES = /** @type {const} */ (["not_checked", "present", "absent", "not_applicable"]);
const PLACES = /** @type {const} */ (["", "view", "region", "selector"]);

export class LabelForm {
  /** @param {Surroundings} around */
  constructor(around) {
    this.around = around;
    /** @type {Map<string, LabelObservation>} answers by kind; kept when the finding's kind changes and comes back */
    this.answers = new Map();
    /** @type {Map<string, string>} kind → where one looked, one of PLACES */
    this.places = new Map();
    /** @type {Map<string, symbol>} kind → the newest choice of a place: the picture that an older one waits for may come later */
    this.choices = new Map();
    this.isTouched = false;
    this.about = "";
    const finding = element("finding");
    finding.append(...FINDING_KINDS.map((kind) => option(kind, text(`finding_${kind}`))));
    finding.addEventListener("change", () => this.draw());
  }

  /** Begins anew, for another capture. */
  clear() {
    this.answers.clear();
    this.places.clear();
    this.choices.clear();
    this.isTouched = false;
    this.draw();
  }

  /** Offers what fits the page. Call it whenever the page's address or claims may have become known; unchanged, it draws nothing. */
  offer() {
    const about = JSON.stringify([this.around.url(), this.around.claims()]);
    if (about === this.about) return;
    this.about = about;
    if (!this.isTouched) element("finding").value = usualFinding(this.around.url());
    this.draw();
  }

  /** @returns {LabelObservation[]} what was asked and answered; nothing when nobody touched the form */
  read() {
    if (!this.isTouched) return [];
    return this.#kinds().map(({ kind, layer }) => this.answers.get(kind) ?? { kind, layer, state: "not_checked" });
  }

  #kinds() {
    return labelKinds(this.around.url(), element("finding").value);
  }

  draw() {
    const focused = document.activeElement?.id;
    element("observations").replaceChildren(...this.#kinds().map((kind) => this.#drawKind(kind)));
    if (focused) document.getElementById(focused)?.focus();
  }

  /** @param {import("./labels.js").LabelKind} asked @returns {HTMLElement} */
  #drawKind(asked) {
    const { kind, layer } = asked;
    const answer = this.answers.get(kind) ?? { kind, layer, state: "not_checked" };
    const box = make("fieldset", "observation");
    box.dataset["kind"] = kind;
    const select = make("select", "");
    select.id = `state-${kind}`;
    select.append(...STATES.map((state) => option(state, text(`label_state_${state}`))));
    select.value = answer.state;
    select.addEventListener("change", () => this.#change(asked, { state: /** @type {LabelObservation["state"]} */ (select.value) }, true));
    box.append(labelled(text(`label_${kind}`), select));
    const claim = claimFor(this.around.claims(), kind);
    if (claim) box.append(make("p", "quiet claim", text("label_page_says", text(`label_state_${claim.state}`))));
    if (answer.state === "present" && hasValue(kind)) box.append(this.#field(asked, "value", text("label_value"), answer.value));
    if (answer.state === "absent") box.append(...this.#drawPlace(asked, answer));
    return box;
  }

  /** Where one looked. @param {import("./labels.js").LabelKind} asked @param {LabelObservation} answer @returns {HTMLElement[]} */
  #drawPlace(asked, answer) {
    const select = make("select", "");
    select.id = `place-${asked.kind}`;
    select.append(...PLACES.map((place) => option(place, text(`label_place_${place || "none"}`))));
    const place = this.places.get(asked.kind) ?? "";
    select.value = place;
    select.addEventListener("change", () => void this.#choosePlace(asked, select.value));
    const parts = [labelled(text("label_place"), select)];
    if (place === "selector") parts.push(this.#field(asked, "selector", text("label_selector"), answer.selector));
    if (answer.region && place === "region") parts.push(make("p", "quiet", text("region_size", answer.region.width, answer.region.height)));
    if (!isGrounded(answer)) parts.push(make("p", "why", text("label_absent_needs_place")));
    return parts;
  }

  /** @param {import("./labels.js").LabelKind} asked @param {string} place */
  async #choosePlace(asked, place) {
    const choice = Symbol(place);
    this.choices.set(asked.kind, choice);
    const box = place === "view" ? await this.around.wholeView() : place === "region" ? await this.around.pickRegion(text(`label_${asked.kind}`)) : null;
    if (this.choices.get(asked.kind) !== choice) return;
    const isMissing = (place === "view" || place === "region") && box === null;
    this.places.set(asked.kind, isMissing ? "" : place);
    const { region: _region, selector: _selector, ...rest } = this.answers.get(asked.kind) ?? { ...asked, state: "absent" };
    this.answers.set(asked.kind, /** @type {LabelObservation} */ ({ ...rest, ...(box && { region: { artifact: SHOT, ...box } }) }));
    this.#change(asked, {}, true);
  }

  /** @param {import("./labels.js").LabelKind} asked @param {"value" | "selector"} name @param {string} words @param {string | undefined} value */
  #field(asked, name, words, value) {
    const input = make("input", "");
    input.id = `${name}-${asked.kind}`;
    input.maxLength = 2000;
    input.value = value ?? "";
    input.autocomplete = "off";
    input.addEventListener("input", () => this.#change(asked, { [name]: input.value }, false));
    input.addEventListener("change", () => this.draw());
    return labelled(words, input);
  }

  /** @param {import("./labels.js").LabelKind} asked @param {Partial<LabelObservation>} change @param {boolean} redraw */
  #change({ kind, layer }, change, redraw) {
    this.isTouched = true;
    this.answers.set(kind, { ...(this.answers.get(kind) ?? { kind, layer, state: "not_checked" }), ...change });
    if (redraw) this.draw();
    this.around.onChange();
  }
}

/** @param {string} value @param {string} words */
function option(value, words) {
  const made = make("option", "", words);
  made.value = value;
  return made;
}

/** @param {string} words @param {HTMLElement} field @returns {HTMLElement} */
function labelled(words, field) {
  const label = make("label", "");
  label.append(make("span", "", words), field);
  return label;
}
