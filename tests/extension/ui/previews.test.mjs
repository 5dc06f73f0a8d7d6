import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { isHeld as isTabHeld, lockName } from "../../../extension/queue/runs.js";
import { Previews } from "../../../extension/ui/previews.js";

const RUN = { runId: "r", tabId: 1, phase: "collecting" };
const PICTURE = { dataUrl: "data:,", width: 400, height: 300 };

const realTimeout = globalThis.setTimeout;

beforeEach(() => { globalThis.setTimeout = (go) => setImmediate(go); }); // between two looks
afterEach(() => { globalThis.setTimeout = realTimeout; });

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
  const { previews, said, looks } = waiting({ answers: [undefined], isHeld: (looked) => looked < 2 });
  assert.deepEqual([await previews.whole(), said], [null, [false, true]]);
  assert.equal(looks.length, 2 + 20, "two seconds of looks without its lock");
});

test("a worker whose lock is not seen at once is not called dead, and its picture is taken", async () => {
  for (const isHeld of [() => false, (looked) => looked % 15 === 0]) {
    const { previews, said } = waiting({ answers: [...new Array(isHeld(0) ? 40 : 10), PICTURE], isHeld });
    assert.deepEqual([await previews.whole(), said], [{ x: 0, y: 0, width: 400, height: 300 }, [false]]);
  }
});

test("a browser that does not tell its locks calls no worker dead", async () => {
  const locks = (...held) => ({ query: async () => ({ held }) });
  assert.equal(await isTabHeld(1, { query: async () => { throw new Error("not here"); } }), true);
  assert.equal(await isTabHeld(1, locks({ name: lockName(1) })), true);
  assert.equal(await isTabHeld(1, locks({ name: lockName(2) })), false);
  assert.equal(await isTabHeld(1, { query: async () => ({}) }), false);
});

test("what became of the picture of a run is not said over the next one's form", async () => {
  const { previews, said } = waiting({ answers: [null], run: (looks) => (looks < 1 ? RUN : { ...RUN, runId: "other" }) });
  assert.deepEqual([await previews.whole(), said], [null, [false]]);
});

test("a run that has ended, or in whose place there is another, says nothing", async () => {
  const ended = waiting({ answers: [undefined], run: () => ({ ...RUN, phase: "queued" }), isHeld: () => false });
  assert.deepEqual([await ended.previews.whole(), ended.said], [null, [false, false]]);
  const other = waiting({ answers: [undefined], run: (looks) => (looks < 2 ? RUN : { ...RUN, runId: "other" }) });
  assert.deepEqual([await other.previews.whole(), other.said], [null, [false]]);
});
