/**
 * What the person looked for on the page, and the boxes to be masked in copies: as the form holds them, and as the statement may say them
 * (docs/formats.md §3). Pure.
 *
 * @typedef {{x: number, y: number, width: number, height: number}} Box CSS pixels from the top left corner of the viewport
 * @typedef {"present" | "absent" | "not_checked" | "not_applicable"} LabelState
 * @typedef {{artifact: string} & Box} Region CSS pixels in the named picture
 * @typedef {{layer: number, kind: string, state: LabelState, where?: string, region?: Region, selector?: string, value?: string}} LabelObservation
 * @typedef {{box: Box, reason: string, artifact: string}} Mask
 */

export const SHOT = "screenshot.viewport.png";
const STATES = ["present", "absent", "not_checked", "not_applicable"];
const MAX = { observations: 64, masks: 16, where: 500, selector: 2000, value: 2000, reason: 200 };

/** @param {LabelObservation} observation @returns {boolean} an absence counts only with the place where one looked */
export function isGrounded({ state, region, selector }) {
  return state !== "absent" || region !== undefined || (selector ?? "").trim() !== "";
}

/** @param {unknown} given @returns {LabelObservation[]} well-formed ones, at most 64; an absence without a place has become `not_checked` */
export function cleanObservations(given) {
  if (!Array.isArray(given)) return [];
  return given.filter((one) => isObservation(one)).slice(0, MAX.observations).map((one) => {
    const { layer, kind, state, region } = one;
    return {
      layer, kind, state: isGrounded(one) ? state : "not_checked",
      ...member("where", one.where), ...(region && isBox(region) && { region: { artifact: SHOT, ...rounded(region) } }),
      ...member("selector", one.selector), ...member("value", one.value),
    };
  });
}

/** @param {unknown} given @returns {Mask[]} */
export function cleanMasks(given) {
  if (!Array.isArray(given)) return [];
  return given.filter((one) => isBox(one?.box)).slice(0, MAX.masks).map(({ box, reason }) => ({
    artifact: SHOT, box: rounded(box), reason: String(reason ?? "").slice(0, MAX.reason) }));
}

/** @param {any} one @returns {boolean} */
function isObservation(one) {
  return Number.isInteger(one?.layer) && one.layer >= 1 && one.layer <= 4 && /^[a-z][a-z_]{0,63}$/.test(one.kind) && STATES.includes(one.state);
}

/** @param {any} box @returns {boolean} an area, not a point */
function isBox(box) {
  return [box?.x, box?.y, box?.width, box?.height].every((part) => Number.isFinite(part) && part >= 0 && part <= 1_000_000) && box.width >= 1 && box.height >= 1;
}

/** @param {Box} box @returns {Box} */
function rounded({ x, y, width, height }) {
  return { x: Math.round(x), y: Math.round(y), width: Math.round(width), height: Math.round(height) };
}

/** @param {"where" | "selector" | "value"} name @param {unknown} value @returns {Record<string, string>} nothing for an empty one */
function member(name, value) {
  const trimmed = typeof value === "string" ? value.trim().slice(0, MAX[name]).toWellFormed().replaceAll("\0", "\uFFFD") : "";
  return trimmed === "" ? {} : { [name]: trimmed };
}
