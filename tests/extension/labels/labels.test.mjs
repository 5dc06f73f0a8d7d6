import assert from "node:assert/strict";
import { test } from "node:test";
import { cleanMasks, cleanObservations, isGrounded } from "../../../extension/queue/observations.js";
import { summarisePost, toForm } from "../../../extension/queue/runs.js";
import { buildStatement } from "../../../extension/seal/statement.js";
import { claimFor, labelKinds, usualFinding } from "../../../extension/ui/labels.js";
import { fitPost } from "../../../extension/capture/postreader.js";
import { FACTS } from "../queue/bench.mjs";

const names = (url, finding) => labelKinds(url, finding).map(({ kind }) => kind);
const predicateOf = (change) => JSON.parse(new TextDecoder().decode(buildStatement({ ...FACTS, artifacts: [], salt: "00", ...change }))).predicate;
const ABSENT = { layer: 2, kind: "platform_ai_label", state: "absent" };
const BOX = { x: 10.4, y: 20, width: 300, height: 40 };

test("what is asked depends on the site and on what the finding is about", () => {
  assert.deepEqual(names("https://x.com/a/status/1", "synthetic_media"), ["poster_ai_disclosure", "platform_ai_label", "community_note"]);
  assert.deepEqual(names("https://news.example/a", "synthetic_media"), ["poster_ai_disclosure"], "a newspaper has neither a platform's label nor notes");
  assert.deepEqual(names("https://notx.com/a", "claim"), ["poster_ai_disclosure"]);
  const political = names("https://www.facebook.com/ads/library/?id=1", "political_ad");
  for (const field of ["statement", "sponsor", "controlling_entity", "election", "targeting", "notice_link"]) assert.ok(political.includes(`political_ad_${field}`), field);
  assert.equal(usualFinding("https://www.facebook.com/ads/library/?id=1"), "political_ad");
  assert.equal(usualFinding("https://www.facebook.com/a"), "synthetic_media");
  assert.equal(usualFinding("nonsense"), "synthetic_media");
});

test("an absence without the place where one looked counts as not checked", () => {
  assert.equal(isGrounded(ABSENT), false);
  assert.equal(cleanObservations([ABSENT])[0].state, "not_checked");
  assert.equal(cleanObservations([{ ...ABSENT, selector: "  " }])[0].state, "not_checked");
  assert.equal(cleanObservations([{ ...ABSENT, selector: "#post > header" }])[0].state, "absent");
  const [region] = cleanObservations([{ ...ABSENT, region: BOX }]);
  assert.deepEqual(region, { ...ABSENT, region: { artifact: "screenshot.viewport.png", x: 10, y: 20, width: 300, height: 40 } });
});

test("nothing malformed gets from the form into a statement", () => {
  for (const bad of [null, "x", 1, {}, [null], [{ kind: "a", layer: 1 }], [{ ...ABSENT, layer: 5 }], [{ ...ABSENT, kind: "A-b" }], [{ ...ABSENT, state: "gone" }]]) {
    assert.deepEqual(cleanObservations(bad), [], JSON.stringify(bad));
  }
  assert.deepEqual(cleanMasks([{ box: { ...BOX, width: 0 } }, { box: { ...BOX, x: -1 } }, { box: { ...BOX, y: NaN } }, null]), []);
  assert.equal(cleanObservations([{ ...ABSENT, state: "present", value: `a\0${"b".repeat(3000)}` }])[0].value.length, 2000);
  assert.equal(cleanObservations(Array(100).fill(ABSENT)).length, 64);
});

test("answers, masks and the page's claims stand in the statement, and nothing stands there that nobody gave", () => {
  const draft = { case: "", note: "", labels: "", typingUntil: 0, discarded: false, labelObservations: [{ ...ABSENT, region: BOX }], masks: [{ box: BOX, reason: "own_account" }] };
  const post = { platform: "x", text: "a\0b", claims: [] };
  const predicate = predicateOf({ form: toForm(draft, null), post });
  assert.equal(predicate.labelObservations[0].state, "absent");
  assert.deepEqual(predicate.masks, [{ artifact: "screenshot.viewport.png", box: { x: 10, y: 20, width: 300, height: 40 }, reason: "own_account" }]);
  assert.deepEqual(predicate.post, { platform: "x", text: "a\uFFFDb", claims: [] });
  const plain = predicateOf({ form: toForm({ ...draft, labelObservations: [], masks: [] }, null) });
  assert.deepEqual(["labelObservations", "masks", "post"].filter((name) => name in plain), []);
});

test("a page's claim is shown beside its question and never answers it", () => {
  const claims = [{ kind: "ai_label", state: "not_checked" }, { kind: "ai_label", state: "present" }];
  assert.equal(claimFor(claims, "platform_ai_label"), claims[1]);
  assert.equal(claimFor(claims, "poster_ai_disclosure"), undefined);
  assert.equal(summarisePost({ postedAt: [], claims }).claims.length, 1, "what was not read is no claim");
  assert.equal(summarisePost(null), null);
});

test("a post too long for a statement loses its longest parts, and says which", () => {
  const post = { media: [], text: "short", claims: Array(60).fill({ value: "x".repeat(4000) }), counts: [], problems: [] };
  const fitted = fitPost(post);
  assert.ok(JSON.stringify(fitted).length <= 120_000);
  assert.deepEqual(fitted.claims, []);
  assert.ok(fitted.problems.some((problem) => problem.startsWith("claims: ")));
  assert.equal(fitPost({ ...post, claims: [] }).text, "short");
});
