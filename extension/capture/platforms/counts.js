import { LIMITS } from "./limits.js";

/**
 * Counts as pages write them: "1,234", "1 234", "1.2M", "5–9 тыс.", "2,3 Mio. Aufrufe", "10,000+", "<100".
 * A whole number stays exact; an abbreviated one becomes the range of what it may stand for, and what was written is kept.
 */

/** @typedef {{low: number, high: number | null, exact: boolean, asWritten: string}} CountRange */
/** @typedef {{value: bigint, unit: bigint, isRounded: boolean}} Reading  value and the size of its last digit */

const SPACES = "\\u0020\\u00a0\\u2009\\u202f";
const NUMBER = `\\d(?:[\\d.,'’${SPACES}]*\\d)?`;
const UNIT = "[\\p{L}]{1,12}";
const ONE = `(${NUMBER})[${SPACES}]*(?:de[${SPACES}]+(?=mii|mil))?(${UNIT})?`; // Romanian: "20 de mii"
const COUNT = new RegExp(`^\\s*(?:(<|>|≥|≤|~|≈)\\s*)?${ONE}\\.?(\\+)?(?:\\s*[-–—]\\s*${ONE}\\.?)?`, "u");

/** Powers of ten by what they are called in English, Polish, Romanian, French, German, Czech, Ukrainian and Russian. */
const POWERS = new Map(Object.entries({
  3: "k tsd tausend thousand tys tysiąc tysiące tysięcy tysiąca mii mie mille millier milliers tis tisíc tisíce тыс тысяч тысяча тысячи тис тисяч тисяча тисячі",
  6: "m mn mio mil mln million millions millionen milion miliony milionów miliona milioane milionu milionů млн миллион миллиона миллионов мільйон мільйони мільйонів мільйона",
  9: "b bn md mrd mld billion billions milliard milliards milliarde milliarden miliard miliardy miliardów miliarde miliarda млрд миллиард миллиарда миллиардов мільярд мільярди мільярдів мільярда",
}).flatMap(([power, words]) => words.split(" ").map((word) => /** @type {[string, number]} */ ([word, Number(power)]))));

/**
 * @param {unknown} written a number, or text that begins with one; a currency sign before it is skipped
 * @param {{language?: string | null, roundsDown?: boolean}} [how] language: BCP 47, decides "1.234" and "1,234" where both readings are
 *   possible; roundsDown: the platform is known to cut instead of rounding
 * @returns {CountRange | null} null: no count stands there. Not exact: half a unit of the last digit either side (one unit up when cut)
 */
export function parseCount(written, { language = null, roundsDown = false } = {}) {
  if (typeof written === "number") {
    return Number.isSafeInteger(written) && written >= 0 ? { low: written, high: written, exact: true, asWritten: String(written) } : null;
  }
  if (typeof written !== "string" || written.length > 2000) return null;
  const asWritten = written.trim().slice(0, LIMITS.writtenChars);
  const [match, sign, first, firstUnit, plus, second, secondUnit] = COUNT.exec(asWritten.replace(/^[$€£₽₴\s]+/, "").replace(/([-–—]\s*)[$€£₽₴]\s*/, "$1")) ?? [];
  if (match === undefined) return null;
  const powerOfSecond = powerOf(secondUnit, language);
  const power = powerOf(firstUnit, language) || (second === undefined || firstUnit !== undefined ? 0 : powerOfSecond);
  const from = rangeOf(readingsOf(first, power, language), roundsDown);
  if (from === null) return null;
  if (second !== undefined) {
    const to = rangeOf(readingsOf(second, powerOfSecond, language), roundsDown);
    const [low, high] = [stated(first, power, language), stated(second, powerOfSecond, language)];
    if (to !== null && low !== null && high !== null && low <= high) return { low, high, exact: false, asWritten };
  }
  if (plus || sign === ">" || sign === "≥") return { low: from.low, high: null, exact: false, asWritten };
  if (sign === "<" || sign === "≤") return { low: 0, high: sign === "<" ? Math.max(0, from.high - 1) : from.high, exact: false, asWritten };
  return { low: from.low, high: from.high, exact: from.exact && sign === undefined, asWritten };
}

/** @param {string | undefined} word @param {string | null} language @returns {number} 0, 3, 6 or 9 */
function powerOf(word, language) {
  if (word === undefined) return 0;
  const lower = word.toLowerCase();
  if (lower.startsWith("billion") && language !== null && !/^en/i.test(language)) return 0; // 10^12 elsewhere: not guessed at
  return POWERS.get(lower) ?? 0;
}

/** The end of a stated range: the number itself. @param {string} digits @param {number} power @param {string | null} language @returns {number | null} */
function stated(digits, power, language) {
  const [reading] = readingsOf(digits, power, language);
  return reading === undefined ? null : Number(reading.value);
}

/** @param {Reading[]} readings @param {boolean} roundsDown @returns {{low: number, high: number, exact: boolean} | null} spans all readings */
function rangeOf(readings, roundsDown) {
  if (readings.length === 0) return null;
  const lows = readings.map(({ value, unit, isRounded }) => Number(isRounded && !roundsDown ? value - unit / 2n : value));
  const highs = readings.map(({ value, unit, isRounded }) => Number(!isRounded ? value : roundsDown ? value + unit - 1n : value + unit / 2n));
  const [low, high] = [Math.max(0, Math.min(...lows)), Math.max(...highs)];
  if (!Number.isSafeInteger(high)) return null;
  return { low, high, exact: readings.length === 1 && !readings[0].isRounded };
}

/**
 * What the digits may mean. One reading where the language or the grouping decides, two where "1,234 K" may be either.
 * @param {string} digits @param {number} power @param {string | null} language @returns {Reading[]}
 */
function readingsOf(digits, power, language) {
  const text = digits.replace(/[\s\u00a0\u2009\u202f]/gu, " ");
  const whole = grouped(text);
  const decimal = power === 0 ? null : fraction(text);
  /** @type {Reading[]} */
  const readings = [];
  if (whole !== null) readings.push(scaled(whole, 0, power));
  if (decimal !== null && decimal.places <= power) readings.push(scaled(decimal.digits, decimal.places, power));
  if (readings.length < 2 || language === null) return readings;
  const decimalSign = /^en/i.test(language) ? "." : ",";
  return text.includes(decimalSign) ? readings.slice(1) : readings.slice(0, 1);
}

/** @param {bigint} digits @param {number} places @param {number} power @returns {Reading} */
function scaled(digits, places, power) {
  const unit = 10n ** BigInt(power - places);
  return { value: digits * unit, unit, isRounded: unit > 1n || places > 0 };
}

/** @param {string} text @returns {bigint | null} digits without separators, or in threes with one kind of separator */
function grouped(text) {
  if (/^\d{1,16}$/.test(text)) return BigInt(text);
  const separator = /^\d{1,3}([ .,'’])\d{3}/.exec(text)?.[1];
  if (separator === undefined) return null;
  const parts = text.split(separator);
  return parts.length <= 6 && parts.slice(1).every((part) => /^\d{3}$/.test(part)) ? BigInt(parts.join("")) : null;
}

/** @param {string} text @returns {{digits: bigint, places: number} | null} with a decimal sign, and thousands grouped by another sign */
function fraction(text) {
  const match = /^(\d{1,3}(?:[ .,'’]\d{3})*|\d{1,12})[.,](\d{1,9})$/.exec(text);
  if (!match) return null;
  const whole = grouped(match[1]);
  return whole === null ? null : { digits: BigInt(`${whole}${match[2]}`), places: match[2].length };
}
