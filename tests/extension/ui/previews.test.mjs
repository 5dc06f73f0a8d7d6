import assert from "node:assert/strict";
import { test } from "node:test";
import { Previews } from "../../../extension/ui/previews.js";

const RUN = { runId: "r", tabId: 1, phase: "collecting" };
const PICTURE = { dataUrl: "data:,", width: 400, height: 300 };

/** Previews whose worker answers each look with the next of `answers`; all that was said to the person. */
function waiting({ answers, isHeld = () => true, run = () => RUN }) {
  const said = [];
  const looks = [];
  const runs = { readPreview: async (runId) => {
    looks.push(runId);
    return answers[Math.min(looks.length, answers.length) - 1];
  } };
  return { said, looks, previews: new Previews(runs, { current: () => run(looks.length), isHeld: async () => isHeld(looks.length), tell: (isMissing) => said.push(isMissing) }) };
}

test("a picture that comes later is waited for", async () => {
  const { previews, said, looks } = waiting({ answers: [undefined, undefined, PICTURE] });
  assert.deepEqual(await previews.whole(), { x: 0, y: 0, width: 400, height: 300 });
  assert.deepEqual([said, looks.length], [[false], 3]);
});

test("one that could not be made is not waited for, and that is said", async () => {
  const { previews, said } = waiting({ answers: [undefined, null] });
  assert.deepEqual([await previews.whole(), said], [null, [false, true]]);
  assert.equal(await previews.pick("area"), null);
  assert.equal(await previews.pick("area"), null, "and can be asked for again");
});

test("nor is one whose worker died before it", async () => {
  const { previews, said } = waiting({ answers: [undefined], isHeld: (looks) => looks < 2 });
  assert.deepEqual([await previews.whole(), said], [null, [false, true]]);
});

test("a run that has ended, or in whose place there is another, says nothing", async () => {
  const ended = waiting({ answers: [undefined], run: () => ({ ...RUN, phase: "queued" }), isHeld: () => false });
  assert.deepEqual([await ended.previews.whole(), ended.said], [null, [false, false]]);
  const other = waiting({ answers: [undefined], run: (looks) => (looks < 2 ? RUN : { ...RUN, runId: "other" }) });
  assert.deepEqual([await other.previews.whole(), other.said], [null, [false]]);
});
