import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCount } from "../../../extension/capture/platforms/counts.js";
import { pick, random } from "./junk.mjs";

/** written, language, low, high, exact */
const CASES = [
  ["1,234", "en", 1234, 1234, true], ["1.234", "de", 1234, 1234, true], ["1 234", "fr", 1234, 1234, true], ["12\u00a0345", "cs", 12345, 12345, true],
  ["1\u202f234\u202f567 vues", "fr", 1234567, 1234567, true], ["1.234.567", null, 1234567, 1234567, true], ["0", null, 0, 0, true],
  ["1.2M", "en", 1150000, 1250000, false], ["1.2M", "de", 1150000, 1250000, false], ["5K", null, 4500, 5500, false], ["3.45B views", "en", 3445000000, 3455000000, false],
  ["1,2 tys. wyświetleń", "pl", 1150, 1250, false], ["2 mln", "pl", 1500000, 2500000, false],
  ["3 mii de aprecieri", "ro", 2500, 3500, false], ["1,2 mil.", "ro", 1150000, 1250000, false], ["140 de mii de vizualizări", "ro", 139500, 140500, false], ["140 de aprecieri", "ro", 140, 140, true], ["4 mld.", "ro", 3500000000, 4500000000, false],
  ["1,2 k vues", "fr", 1150, 1250, false], ["2 Md", "fr", 1500000000, 2500000000, false], ["12 milliers", "fr", 11500, 12500, false],
  ["2,3 Mio. Aufrufe", "de", 2250000, 2350000, false], ["8 Tsd.", "de", 7500, 8500, false], ["1,1 Mrd.", "de", 1050000000, 1150000000, false],
  ["7,5 tis. zhlédnutí", "cs", 7450, 7550, false], ["1 mil.", "cs", 500000, 1500000, false],
  ["1,2 тис. переглядів", "uk", 1150, 1250, false], ["3 млн", "uk", 2500000, 3500000, false],
  ["5–9 тыс.", "ru", 5000, 9000, false], ["1,5 млрд просмотров", "ru", 1450000000, 1550000000, false],
  ["10K-15K", null, 10000, 15000, false], ["$100 - $199", "en", 100, 199, false], ["€1.000–€1.499", "de", 1000, 1499, false],
  ["<100", null, 0, 99, false], ["10,000+", "en", 10000, null, false], ["≥1.000", "de", 1000, null, false],
];

for (const [written, language, low, high, exact] of CASES) {
  test(`${written} (${language ?? "any language"})`, () => {
    assert.deepEqual(parseCount(written, { language }), { low, high, exact, asWritten: written });
  });
}

test("where both readings are possible the range holds both, until the language decides", () => {
  assert.deepEqual(parseCount("1,234K"), { low: 1234, high: 1234500, exact: false, asWritten: "1,234K" });
  assert.equal(parseCount("1,234K", { language: "en" }).low, 1233500);
  assert.equal(parseCount("1,234K", { language: "pl" }).high, 1234);
});

test("a platform that cuts instead of rounding gives a range upwards", () => {
  assert.deepEqual(parseCount("1.29M", { roundsDown: true }), { low: 1290000, high: 1299999, exact: false, asWritten: "1.29M" });
});

test("what is no count gives none", () => {
  for (const text of ["", "No views", "K", "1.2", "1,23", "99999999999999999999", "1.23456789K", -5, 1.5, NaN, 2 ** 60, null, undefined, {}, [], "9".repeat(5000)]) {
    assert.equal(parseCount(text), null, String(text));
  }
});

test("any number that is shortened lies in the range that is read back", () => {
  const next = random(21);
  for (const locale of ["en", "pl", "ro", "fr", "de", "cs", "uk", "ru"]) {
    for (const compactDisplay of ["short", "long"]) {
      const format = new Intl.NumberFormat(locale, { notation: "compact", compactDisplay, maximumFractionDigits: 1 });
      const whole = new Intl.NumberFormat(locale);
      for (let round = 0; round < 200; round += 1) {
        const number = Math.floor(10 ** (next() * 10.5));
        const found = parseCount(format.format(number), { language: locale });
        assert.ok(found !== null && found.low <= number && number <= found.high, `${locale}: ${number} as ${format.format(number)} gave ${JSON.stringify(found)}`);
        assert.ok(found.high - found.low <= number * 1.02 + 2, `${locale}: ${format.format(number)} gave too wide a range ${JSON.stringify(found)}`);
        const exact = parseCount(whole.format(number), { language: locale });
        assert.deepEqual([exact?.low, exact?.high, exact?.exact], [number, number, true], `${locale}: ${whole.format(number)}`);
      }
    }
  }
});

test("any text gives a count with low <= high, or none", () => {
  const next = random(22);
  for (let round = 0; round < 5000; round += 1) {
    const text = Array.from({ length: Math.floor(next() * 14) }, () => pick(next, ["1", "2", "9", "0", ".", ",", " ", "\u00a0", "K", "M", "тыс", "+", "<", "-", "–", "$", "mil", "x"])).join("");
    const found = parseCount(text, { language: pick(next, [null, "en", "de"]) });
    if (found !== null) assert.ok(found.low >= 0 && Number.isSafeInteger(found.low) && (found.high === null || found.low <= found.high), `${text}: ${JSON.stringify(found)}`);
  }
});
