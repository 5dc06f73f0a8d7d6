/** @typedef {import("./types.js").PostTime} PostTime */

const X_EPOCH_MS = 1_288_834_974_657n;
const X_FIRST_MS = 1_288_834_974_657n; // snowflakes begin with this moment (4 November 2010): older ids were counted up
const INSTAGRAM_EPOCH_MS = 1_314_220_021_721n;
const NOT_COMPARED = "the formula was not compared with a time the platform published";
const EARLIEST_MS = Date.UTC(2003, 0, 1);
const LATEST_MS = Date.UTC(2100, 0, 1);
const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE32_SORTABLE = "234567abcdefghijklmnopqrstuvwxyz";

/** @param {string} digits @returns {bigint | null} */
function idNumber(digits) {
  return /^[1-9]\d{0,18}$/.test(digits) ? BigInt(digits) : null;
}

/** @param {bigint} ms @param {number} precisionS @param {string} [note] @returns {PostTime | null} null outside 2003 to 2100: not an id of this kind */
function fromId(ms, precisionS, note) {
  const number = Number(ms);
  if (number < EARLIEST_MS || number > LATEST_MS) return null;
  return { value: new Date(number).toISOString(), source: "platform_id", precisionS, ...(note ? { note } : {}) };
}

/**
 * When an X post was created, from its id: (id >> 22) + 1288834974657 ms. The post's, not that of an edit or of a repost that shows it.
 * Compared with a published time: 1735765521595875777 is 2023-12-15T20:55:23.969Z. @param {string} id @returns {PostTime | null} null: before snowflakes
 */
export function timeOfXId(id) {
  const number = idNumber(id);
  const ms = number === null ? null : (number >> 22n) + X_EPOCH_MS;
  return ms === null || ms < X_FIRST_MS + 60_000n ? null : fromId(ms, 0.001);
}

/** id >> 32 seconds. @param {string} id @returns {PostTime | null} */
export function timeOfTikTokId(id) {
  const number = idNumber(id);
  return number === null ? null : fromId((number >> 32n) * 1000n, 1, NOT_COMPARED);
}

/** (id >> 23) + 1314220021721 ms. @param {string} id of the medium, digits @returns {PostTime | null} */
export function timeOfInstagramId(id) {
  const number = idNumber(id);
  return number === null || id.length < 15 ? null : fromId((number >> 23n) + INSTAGRAM_EPOCH_MS, 0.001, `${NOT_COMPARED}; an id may be given out when the upload begins`);
}

/** The medium's id that an Instagram short code writes in base 64 (a private account's longer code: its first 11). @param {string} code @returns {string | null} digits */
export function instagramIdOfCode(code) {
  if (!/^[\w-]{5,60}$/.test(code)) return null;
  let id = 0n;
  for (const char of code.slice(0, 11)) id = id * 64n + BigInt(BASE64URL.indexOf(char));
  return id > 0n && id < 1n << 63n ? String(id) : null;
}

/** The first 41 bits of a 63-bit id are milliseconds since 1970. @param {string} id of an activity, share or ugcPost @returns {PostTime | null} */
export function timeOfLinkedInId(id) {
  const number = idNumber(id);
  return number === null || id.length < 19 ? null : fromId(number >> 22n, 0.001, NOT_COMPARED);
}

/** A record key of the AT protocol: 53 bits of microseconds, 10 of a clock id, in base 32. @param {string} key @returns {PostTime | null} */
export function timeOfTid(key) {
  if (!/^[234567a-j][2-7a-z]{12}$/.test(key)) return null;
  let number = 0n;
  for (const char of key) number = number * 32n + BigInt(BASE32_SORTABLE.indexOf(char));
  const micros = number >> 10n;
  const time = fromId(micros / 1000n, 0.000001, `the author's program chooses this key; ${NOT_COMPARED}`);
  return time && { ...time, value: time.value.replace("Z", `${String(micros % 1000n).padStart(3, "0")}Z`) };
}

const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d\d:?\d\d)?)?$/i;
const X_DATE = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d) (\d\d:\d\d:\d\d) \+0000 (\d{4})$/;
const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";

/**
 * A time written in full: ISO 8601, or X's "Fri Dec 15 20:55:23 +0000 2023". Relative and worded times ("2 h") are not read: they need a clock.
 * @param {unknown} written @param {"embedded_json" | "displayed"} [source] @param {string} [note] @returns {PostTime | null}
 */
export function timeOfText(written, source = "embedded_json", note) {
  if (typeof written !== "string" || written.length > 60) return null;
  const asX = X_DATE.exec(written);
  const month = asX ? MONTHS.indexOf(asX[1]) / 3 + 1 : 0;
  const iso = ISO.exec(asX ? `${asX[4]}-${String(month).padStart(2, "0")}-${asX[2]}T${asX[3]}Z` : written.trim());
  if (!iso) return null;
  const [, year, monthText, day, hour, minute, second, fraction, zone] = iso;
  const offset = zone === undefined ? "Z" : zone.toUpperCase().replace(/^([+-]\d\d):?(\d\d)$/, "$1:$2");
  const date = new Date(`${year}-${monthText}-${day}T${hour ?? "00"}:${minute ?? "00"}:${second ?? "00"}.${(fraction ?? "0").slice(0, 3).padEnd(3, "0")}${offset}`);
  if (Number.isNaN(date.getTime()) || Number(day) > daysIn(Number(year), Number(monthText))) return null;
  const unit = hour === undefined ? 86_400 : second === undefined ? 60 : fraction === undefined || /^0+$/.test(fraction) ? 1 : 0.001;
  const noZone = zone === undefined && !asX;
  const notes = [note, hour === undefined ? "only a date is given" : "", noZone ? "no time zone is given: read as UTC" : ""].filter(Boolean).join("; ");
  return { value: date.toISOString(), source, precisionS: noZone ? Math.max(unit, 50_400) : unit, ...(notes ? { note: notes } : {}) };
}

/** @param {number} year @param {number} month 1..12 @returns {number} */
function daysIn(year, month) {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/** Seconds since 1970 (or milliseconds, when that many). @param {unknown} value @param {"embedded_json" | "displayed"} [source] @param {string} [note] @returns {PostTime | null} */
export function timeOfEpoch(value, source = "embedded_json", note) {
  const number = typeof value === "string" && /^\d{9,14}$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isFinite(number)) return null;
  const inMs = number > 1e11;
  const ms = inMs ? number : number * 1000;
  if (ms < EARLIEST_MS || ms > LATEST_MS) return null;
  return { value: new Date(ms).toISOString(), source, precisionS: inMs ? 0.001 : 1, ...(note ? { note } : {}) };
}
