import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { timeOfInstagramId, timeOfLinkedInId, timeOfTid, timeOfTikTokId, timeOfXId } from "../../../extension/capture/platforms/times.js";

const { ids } = JSON.parse(readFileSync(new URL("../../vectors/posttimes.json", import.meta.url), "utf-8"));
const FORMULA = { x: timeOfXId, tiktok: timeOfTikTokId, instagram: timeOfInstagramId, linkedin: timeOfLinkedInId, bluesky: timeOfTid };

test("ids give the times of the shared vectors, which the service's rules read too", () => {
  assert.ok(ids.length > 12);
  for (const one of ids) {
    const found = FORMULA[one.platform](one.id);
    assert.equal(found === null, one.value === null, `${one.platform} ${one.id}`);
    if (found === null) continue;
    assert.equal(found.value.slice(0, 19), one.value.slice(0, 19));
    assert.equal(found.precisionS, one.precision_s);
    assert.equal(found.note === undefined, one.compared);
  }
});
