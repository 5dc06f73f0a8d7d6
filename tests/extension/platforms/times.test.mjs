import assert from "node:assert/strict";
import { test } from "node:test";
import { instagramIdOfCode, timeOfEpoch, timeOfInstagramId, timeOfLinkedInId, timeOfText, timeOfTid, timeOfTikTokId, timeOfXId } from "../../../extension/capture/platforms/times.js";
import { random } from "./junk.mjs";

test("an X id gives the published time it was compared with, and needs no warning", () => {
  assert.deepEqual(timeOfXId("1735765521595875777"), { value: "2023-12-15T20:55:23.969Z", source: "platform_id", precisionS: 0.001 });
});

test("formulas that were not compared with a published time say so", () => {
  for (const time of [timeOfTikTokId("7612217134371556629"), timeOfInstagramId("3843135004456595409"), timeOfLinkedInId("7433805796212744191"), timeOfTid("3mfygj4heaf2b")]) {
    assert.match(time.note, /not compared/);
    assert.equal(time.value.slice(0, 19), "2026-03-01T09:30:15");
  }
});

test("an Instagram short code gives the id it stands for; a private account's longer one gives the same", () => {
  assert.equal(instagramIdOfCode("DVVjuy8gS_R"), "3843135004456595409");
  assert.equal(instagramIdOfCode("DVVjuy8gS_RabcdefghijklmnopqrstuvwxyzAB"), "3843135004456595409");
});

test("ids that were made before the scheme, or are no ids, give no time", () => {
  for (const id of ["20", "12345678", "0", "", "-5", "1e18", "١٢٣", "99999999999999999999999"]) {
    assert.equal(timeOfXId(id), null, id);
    assert.equal(timeOfTikTokId(id), null, id);
    assert.equal(timeOfInstagramId(id), null, id);
    assert.equal(timeOfLinkedInId(id), null, id);
  }
  for (const key of ["self", "3mfygj4heaf2", "zzzzzzzzzzzzz", "0000000000000"]) assert.equal(timeOfTid(key), null, key);
});

test("a time comes out of an id as it went in, over the years", () => {
  const next = random(31);
  for (let round = 0; round < 500; round += 1) {
    const ms = BigInt(Date.UTC(2012, 0, 1) + Math.floor(next() * 5e11));
    const low = BigInt(Math.floor(next() * 2 ** 22));
    const iso = new Date(Number(ms)).toISOString();
    assert.equal(timeOfXId(String(((ms - 1288834974657n) << 22n) + low)).value, iso);
    assert.equal(timeOfInstagramId(String(((ms - 1314220021721n) << 23n) + low)).value, iso);
    assert.equal(timeOfTikTokId(String(((ms / 1000n) << 32n) + low)).value, `${iso.slice(0, 19)}.000Z`);
    if (ms > 1420070400000n) assert.equal(timeOfLinkedInId(String((ms << 22n) + low)).value, iso);
  }
});

test("written times keep their precision, and a missing zone is not passed over", () => {
  assert.deepEqual(timeOfText("2026-03-01T01:30:15-08:00"), { value: "2026-03-01T09:30:15.000Z", source: "embedded_json", precisionS: 1 });
  assert.equal(timeOfText("2026-03-01T09:30:15.250Z").precisionS, 0.001);
  assert.equal(timeOfText("Sun Mar 01 09:30:15 +0000 2026").value, "2026-03-01T09:30:15.000Z");
  const day = timeOfText("2026-03-01");
  assert.equal(day.precisionS, 86400);
  assert.match(day.note, /only a date.*no time zone/);
  assert.equal(timeOfText("2026-03-01T09:30:15").precisionS, 50400);
});

test("dates that do not exist, relative times and wild numbers are not read", () => {
  for (const text of ["2026-02-30", "2026-13-01", "2 h", "yesterday", "1 marca 2026", "2026-03-01T25:00:00Z", "Sun Xyz 01 09:30:15 +0000 2026", 5, null, {}, "x".repeat(1000)]) assert.equal(timeOfText(text), null, String(text));
  for (const value of [0, -1, 1e20, NaN, "abc", {}, null, "1772357415abc"]) assert.equal(timeOfEpoch(value), null, String(value));
  assert.equal(timeOfEpoch("1772357415").precisionS, 1);
  assert.equal(timeOfEpoch(1772357415250).value, "2026-03-01T09:30:15.250Z");
});
