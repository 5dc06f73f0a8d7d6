import { SealError } from "../seal/errors.js";

/**
 * What the service says about a picture, read strictly: shown to a person, so nothing unexpected gets through.
 * `kind`: `exact` is the same file, byte for byte; all else is the opinion of a program. `hidden`: places in captures the person may not open. `isShared`:
 * of another organisation, told through a case. `notes`: what the service did to the picture before comparing it, in its own words.
 * `unlisted`: places of a match that were more than are read here. `isPartial`: there is more than `matches`, or not everything that is near was compared.
 * @typedef {{captureId: string, title: string, pageUrl: string, capturedAt: string}} Place
 * @typedef {{kind: "exact" | "same" | "contains" | "variant", sha256: string, clusterId: string | null, places: Place[], unlisted: number, hidden: number, isShared: boolean}} SeenMatch
 * @typedef {{matches: SeenMatch[], searched: number, notes: string[], isPartial: boolean}} Seen
 */

const KINDS = ["exact", "same", "contains", "variant"];
const MAX_MATCHES = 60;
const MAX_PLACES = 200;
const MAX_NOTES = 8;
const MAX_NOTE = 200;
const DIGEST = /^[0-9a-f]{64}$/;
const CLUSTER = /^[0-9a-f-]{36}$/;

/** @param {any} answer @returns {Seen} @throws {SealError} */
export function parseSeen(answer) {
  if (!Array.isArray(answer?.matches) || !Number.isSafeInteger(answer.searched)) throw new SealError("answer", "no matches");
  const { matches, searched, notes, truncated } = answer;
  if (truncated !== undefined && typeof truncated !== "boolean") throw new SealError("answer", "not said whether it is whole");
  return { searched, notes: parseNotes(notes ?? []), matches: matches.slice(0, MAX_MATCHES).map(parseMatch), isPartial: truncated === true || matches.length > MAX_MATCHES };
}

/** @param {any} notes @returns {string[]} */
function parseNotes(notes) {
  if (!Array.isArray(notes) || !notes.every((note) => typeof note === "string")) throw new SealError("answer", "no notes");
  return notes.slice(0, MAX_NOTES).map((note) => note.slice(0, MAX_NOTE));
}

/** @param {any} match @returns {SeenMatch} */
function parseMatch(match) {
  const { kind, image, cluster_id: clusterId, sightings, hidden, is_shared: isShared } = match ?? {};
  if (!KINDS.includes(kind) || !DIGEST.test(image?.sha256) || !Array.isArray(sightings) || !Number.isSafeInteger(hidden)) throw new SealError("answer", "no match");
  return { kind, sha256: image.sha256, clusterId: typeof clusterId === "string" && CLUSTER.test(clusterId) ? clusterId : null,
    places: sightings.slice(0, MAX_PLACES).map(parsePlace), unlisted: Math.max(0, sightings.length - MAX_PLACES), hidden, isShared: isShared === true };
}

/** @param {any} sighting @returns {Place} */
function parsePlace(sighting) {
  const { capture_id: captureId, capture_title: title, page_url: pageUrl, captured_at: capturedAt } = sighting ?? {};
  if (!DIGEST.test(captureId) || typeof pageUrl !== "string" || Number.isNaN(Date.parse(capturedAt))) throw new SealError("answer", "no place");
  return { captureId, title: typeof title === "string" ? title : "", pageUrl, capturedAt };
}

/** @param {Seen} seen @returns {number} places, those not listed and the hidden ones too; of a partial answer at least so many. What only resembles it is not counted */
export function countPlaces({ matches }) {
  return matches.filter(({ kind }) => kind !== "variant").reduce((sum, { places, unlisted, hidden }) => sum + places.length + unlisted + hidden, 0);
}
